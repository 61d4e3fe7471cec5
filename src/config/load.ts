/**
 * The settings of a start: defaults, overruled by `conduit.json`, then by the JSON in `CONDUIT_CONFIG`, then by the
 * environment. Pure: the host reads the file and passes its environment.
 */

import { checkHost, checkTogether, warnings } from "./checks.ts";
import { type ConfigHost, decideDefaults } from "./derived-defaults.ts";
import { ConfigError, describeValue, type NameOf, type Problem } from "./problem.ts";
import { type RawSettings, SETTINGS, type Settings } from "./schema.ts";
import { Setting, SettingList, SettingMap, type SettingNode } from "./setting.ts";
import { dottedName, listSettings } from "./setting-names.ts";
import { CONFIG_VARIABLE, pathKey, type RawValue, readEnvironment, readJsonSettings } from "./source.ts";

export { ConfigError } from "./problem.ts";
export type { Settings } from "./schema.ts";

/** The file a host that has files looks for, in the folder it was started in. */
export const CONFIG_FILE = "conduit.json";

export type ConfigSources = {
  env: Readonly<Record<string, string | undefined>>;
  /** The text of `conduit.json`; null or absent when there is none. */
  file?: string | null;
  /** Decides some defaults, and what is refused. Default: `process`. */
  host?: ConfigHost;
};

export type Config = {
  settings: Settings;
  /** One sentence each, to be logged: names that are no setting, and doubtful values. */
  warnings: readonly string[];
};

/** Reads and checks all settings. Throws one `ConfigError` that names every wrong one. */
export function loadConfig(sources: ConfigSources): Config {
  const readings = [
    readJsonSettings(SETTINGS, sources.file ?? "{}", CONFIG_FILE),
    readJsonSettings(SETTINGS, presentText(sources.env[CONFIG_VARIABLE]) ?? "{}", CONFIG_VARIABLE),
    readEnvironment(SETTINGS, sources.env),
  ];
  const problems: Problem[] = readings.flatMap((reading) => reading.problems);
  const raw = new Map<string, RawValue>(readings.flatMap((reading) => [...reading.values]));

  const host = sources.host ?? "process";
  const settings = decideDefaults(build(SETTINGS, [], raw, problems) as RawSettings, host);

  const nameOf: NameOf = (...path) => raw.get(pathKey(path))?.name ?? dottedName(path);
  // A refused value has its default here: checks between settings would only report that.
  if (problems.length === 0)
    problems.push(...checkTogether(settings, nameOf), ...checkHost(settings, host, nameOf));
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    settings,
    warnings: [...readings.flatMap((reading) => reading.warnings), ...warnings(settings, nameOf)],
  };
}

/** Every secret in the settings, so that a log can keep them out of its lines. */
export function secretsOf(settings: Settings): string[] {
  const texts = listSettings(SETTINGS)
    .filter(({ setting }) => setting.secret)
    .flatMap(({ path }) => textsAt(settings, path));
  // Of a Redis connection only the password is one; its host may be in any line.
  const { password = null } = settings.redis.connectionString ?? {};
  // A known provider's key is found under its own name and as one of all.
  return [...new Set(password === null ? texts : [...texts, password])];
}

/** The texts at a path; `<name>` matches every name. */
function textsAt(value: unknown, path: readonly string[]): string[] {
  const [name, ...rest] = path;
  if (name === undefined) return typeof value === "string" ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value)
    .filter(([key]) => name.startsWith("<") || key === name)
    .flatMap(([, member]) => textsAt(member, rest));
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
    const parsed = node.schema().safeParse(came.value);
    if (parsed.success) return parsed.data;
    problems.push({ name: came.name, expected: node.expected, came: describeValue(node, came.value) });
    return node.fallback;
  }
  if (node instanceof SettingList) {
    return keysBelow(path, raw)
      .sort((one, other) => Number(one) - Number(other))
      .map((index) => build(node.item, [...path, index], raw, problems));
  }
  const names =
    node instanceof SettingMap
      ? new Set([...Object.keys(node.known), ...keysBelow(path, raw)])
      : Object.keys(node);
  return Object.fromEntries(
    [...names].map((name) => {
      const child = node instanceof SettingMap ? node.member(name) : node[name];
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
