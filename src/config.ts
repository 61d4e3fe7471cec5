/**
 * The settings of a start: defaults, overruled by `conduit.json`, then by the JSON in `CONDUIT_CONFIG`, then by the
 * environment. Pure: the host reads the file and passes its environment.
 */

import { checkAvailable, checkTogether, type NameOf, warnings } from "./config/checks.ts";
import { ConfigError, describeValue, type Problem } from "./config/problem.ts";
import { CONFIG_VARIABLE, pathKey, type RawValue, readEnvironment, readJson } from "./config/reading.ts";
import { SETTINGS, type Settings } from "./config/schema.ts";
import { Setting, SettingMap, type SettingNode, type SettingsOf } from "./config/setting.ts";
import { dottedName, listSettings } from "./config/setting-names.ts";

export { ConfigError } from "./config/problem.ts";
export type { Settings } from "./config/schema.ts";

/** The file a host that has files looks for, in the folder it was started in. */
export const CONFIG_FILE = "conduit.json";

export type ConfigSources = {
  env: Readonly<Record<string, string | undefined>>;
  /** The text of `conduit.json`; null or absent when there is none. */
  file?: string | null;
};

export type Config = {
  settings: Settings;
  /** One sentence each, to be logged: names that are no setting, and doubtful values. */
  warnings: readonly string[];
};

/** Browser origins let in while only this machine can reach the server anyway. */
const LOOPBACK_ORIGINS: readonly string[] = ["http://localhost:*", "http://127.0.0.1:*"];

/** Reads and checks all settings. Throws one `ConfigError` that names every wrong one. */
export function loadConfig(sources: ConfigSources): Config {
  const readings = [
    readJson(SETTINGS, sources.file ?? "{}", CONFIG_FILE),
    readJson(SETTINGS, presentText(sources.env[CONFIG_VARIABLE]) ?? "{}", CONFIG_VARIABLE),
    readEnvironment(SETTINGS, sources.env),
  ];
  const problems: Problem[] = readings.flatMap((reading) => reading.problems);
  const raw = new Map<string, RawValue>(readings.flatMap((reading) => [...reading.values]));

  const values = build(SETTINGS, [], raw, problems) as SettingsOf<typeof SETTINGS>;
  const origins = values.cors.origins ?? (isLoopback(values.server.host) ? LOOPBACK_ORIGINS : []);
  const settings: Settings = { ...values, cors: { origins } };

  const nameOf: NameOf = (...path) => raw.get(pathKey(path))?.name ?? dottedName(path);
  // A refused value stands at its default: checks between settings would only tell of that.
  if (problems.length === 0) problems.push(...checkTogether(settings, nameOf));
  problems.push(...checkAvailable(settings, nameOf));
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    settings,
    warnings: [...readings.flatMap((reading) => reading.warnings), ...warnings(settings, nameOf)],
  };
}

/** Every secret in the settings, so that a log can keep them out of its lines. */
export function secretsOf(settings: Settings): string[] {
  return listSettings(SETTINGS)
    .filter(({ setting }) => setting.secret)
    .flatMap(({ path }) => textsAt(settings, path));
}

/** The texts at a path and below it; `<name>` stands for every name. */
function textsAt(value: unknown, path: readonly string[]): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  const [name, ...rest] = path;
  return Object.entries(value)
    .filter(([key]) => name === undefined || name.startsWith("<") || key === name)
    .flatMap(([, member]) => textsAt(member, rest));
}

/** Whether only this machine can reach a server that listens here. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The value of a node: what came last, else the default. Refused values are added to `problems`. */
function build(
  node: SettingNode,
  path: readonly string[],
  raw: ReadonlyMap<string, RawValue>,
  problems: Problem[],
): unknown {
  if (node instanceof Setting) {
    const came = raw.get(pathKey(path));
    if (came === undefined) return node.fallback;
    const parsed = node.schema.safeParse(came.value);
    if (parsed.success) return parsed.data;
    problems.push({ name: came.name, expected: node.expected, came: describeValue(node, came.value) });
    return node.fallback;
  }
  const names = node instanceof SettingMap ? keysBelow(path, raw) : Object.keys(node);
  return Object.fromEntries(
    names.map((name) => {
      const child = node instanceof SettingMap ? node.item : node[name];
      if (child === undefined) throw new Error(`No setting ${name}`);
      return [name, build(child, [...path, name], raw, problems)];
    }),
  );
}

/** The names an operator chose right below a path. */
function keysBelow(path: readonly string[], raw: ReadonlyMap<string, RawValue>): string[] {
  const names = new Set<string>();
  for (const { path: other } of raw.values()) {
    const name = other[path.length];
    if (name !== undefined && path.every((segment, index) => segment === other[index])) names.add(name);
  }
  return [...names];
}

function presentText(text: string | undefined): string | null {
  return text === undefined || text.trim() === "" ? null : text;
}
