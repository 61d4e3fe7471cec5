/**
 * Reads one source of settings - JSON text or the environment - into values by path. Names are matched in any
 * letter case; what is no setting is a warning, what has the wrong shape a problem. Values are not judged here.
 */

import { describeKind, type Problem, printableName } from "./problem.ts";
import { Setting, type SettingGroup, SettingList, SettingMap, type SettingNode } from "./setting.ts";
import {
  dottedName,
  findMember,
  listSettings,
  mapKey,
  type NamedSetting,
  nearestPath,
  nearestWord,
  VARIABLE_PREFIX,
  variableName,
  variableSegments,
} from "./setting-names.ts";

/** A value as it came, for the setting at `path`. */
export type RawValue = {
  setting: Setting<unknown>;
  path: readonly string[];
  value: unknown;
  /** The operator's spelling of the name, with the source where it is not obvious. */
  name: string;
};

/** By `dottedName`-independent path key; see `pathKey`. */
export type RawValues = ReadonlyMap<string, RawValue>;

export type SourceReading = { values: RawValues; problems: Problem[]; warnings: string[] };

/** Holds JSON text with settings, on every host. */
export const CONFIG_VARIABLE = "CONDUIT_CONFIG";
const OWN_PREFIX = "CONDUIT_";
/** No name has more segments than this; deeper ones are cut before they are compared. */
const MAX_SEGMENTS = 8;

/** The number of a list's item, as a name. */
const LIST_INDEX = /^\d{1,3}$/;

/** A path as a map key: names may contain dots. */
export function pathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}

/**
 * Reads the environment: `CONDUITLLM__A__B`, and the settings' own variables such as `PORT`. Empty text counts as
 * absent.
 */
export function readEnvironment(
  root: SettingGroup,
  env: Readonly<Record<string, string | undefined>>,
): SourceReading {
  const reader = new Reader(root);
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || text.trim() === "" || name === CONFIG_VARIABLE) continue;
    if (name.toUpperCase().startsWith(VARIABLE_PREFIX)) reader.variable(name, variableSegments(name), text);
    else reader.ownVariable(name, text);
  }
  return reader.finish();
}

/** Reads JSON text; messages name `source` as where it came from. */
export function readJsonSettings(root: SettingGroup, text: string, source: string): SourceReading {
  const reader = new Reader(root);
  try {
    reader.json(
      root,
      JSON.parse(text.replace(/^\uFEFF/, "")),
      [],
      (path) => `${dottedName(path)} (${source})`,
      source,
    );
  } catch {
    reader.problems.push({ name: source, expected: "a JSON object", came: "text that is no JSON" });
  }
  return reader.finish();
}

const listed = new WeakMap<SettingGroup, readonly NamedSetting[]>();

/** Every setting of a tree, listed once for all its sources. */
function settingsOf(root: SettingGroup): readonly NamedSetting[] {
  const known = listed.get(root) ?? listSettings(root);
  listed.set(root, known);
  return known;
}

class Reader {
  readonly problems: Problem[] = [];
  readonly #warnings: string[] = [];
  readonly #values = new Map<string, RawValue>();
  readonly #items = new Map<string, { first: RawValue; items: Map<number, string> }>();
  readonly #root: SettingGroup;
  readonly #settings: readonly NamedSetting[];
  readonly #byVariable: ReadonlyMap<string, NamedSetting>;

  constructor(root: SettingGroup) {
    this.#root = root;
    this.#settings = settingsOf(root);
    this.#byVariable = new Map(
      this.#settings.flatMap((named) =>
        named.setting.variable === null ? [] : [[named.setting.variable, named]],
      ),
    );
  }

  /** One `CONDUITLLM__…` variable. */
  variable(name: string, segments: readonly string[], text: string): void {
    const found = this.#locate(segments);
    if (found === null) {
      const nearest = variableName(nearestPath(this.#settings, segments.slice(0, MAX_SEGMENTS)));
      this.#warnings.push(
        `${printableName(name)} is no setting and is ignored; the nearest one is ${nearest}.`,
      );
      return;
    }
    const { node, path, rest } = found;
    if (!(node instanceof Setting)) {
      this.#wholeGroup(node, path, name, text);
    } else if (rest.length === 0) {
      this.#put({ setting: node, path, value: text, name });
    } else {
      this.#item({ setting: node, path, value: text, name }, Number(rest[0]), text);
    }
  }

  /**
   * A variable of another form: the settings' own ones, else one that only looks like ours, else none of our business.
   */
  ownVariable(name: string, text: string): void {
    const named = this.#byVariable.get(name);
    if (named !== undefined) {
      this.#put({ ...named, value: text, name });
    } else if (name.startsWith(OWN_PREFIX)) {
      const nearest = nearestWord([...this.#byVariable.keys(), CONFIG_VARIABLE], name);
      this.#warnings.push(
        `${printableName(name)} is no setting and is ignored; the nearest one is ${nearest}.`,
      );
    }
  }

  /** A JSON value for a node. `nameOf` spells the names of the settings below it. */
  json(
    node: SettingNode,
    value: unknown,
    path: readonly string[],
    nameOf: (spelled: readonly string[]) => string,
    place: string,
    spelled: readonly string[] = [],
  ): void {
    if (value === null) return;
    if (node instanceof Setting) {
      this.#put({ setting: node, path, value, name: nameOf(spelled) });
      return;
    }
    if (typeof value !== "object" || Array.isArray(value) !== node instanceof SettingList) {
      const name = spelled.length === 0 ? place : nameOf(spelled);
      this.problems.push({ name, expected: expectedJson(node), came: describeKind(value) });
      return;
    }
    for (const [key, member] of Object.entries(value)) {
      const below = [...spelled, key];
      const child = this.#child(node, key, path, false);
      if (child !== null) {
        this.json(child.node, member, child.path, nameOf, place, below);
      } else {
        const nearest = dottedName(nearestPath(this.#settings, [...path, key].slice(0, MAX_SEGMENTS)));
        this.#warnings.push(
          `${printableName(nameOf(below))} is no setting and is ignored; the nearest one is ${nearest}.`,
        );
      }
    }
  }

  finish(): SourceReading {
    for (const { first, items } of this.#items.values()) {
      const ordered = [...items].sort(([one], [other]) => one - other).map(([, text]) => text);
      this.#put({ ...first, value: ordered });
    }
    return { values: this.#values, problems: this.problems, warnings: this.#warnings };
  }

  #locate(
    segments: readonly string[],
  ): { node: SettingNode; path: readonly string[]; rest: readonly string[] } | null {
    let node: SettingNode = this.#root;
    let path: readonly string[] = [];
    for (const [index, segment] of segments.entries()) {
      if (node instanceof Setting) {
        const rest = segments.slice(index);
        return node.list && rest.length === 1 && /^\d{1,4}$/.test(segment) ? { node, path, rest } : null;
      }
      const child = this.#child(node, segment, path, true);
      if (child === null) return null;
      ({ node, path } = child);
    }
    return { node, path, rest: [] };
  }

  /** The node under a name; at the root a setting's own variable is a name as well. */
  #child(
    node: Exclude<SettingNode, Setting<unknown>>,
    name: string,
    path: readonly string[],
    fromVariable: boolean,
  ): { node: SettingNode; path: readonly string[] } | null {
    if (node instanceof SettingMap) {
      if (name === "") return null;
      const key = mapKey(node, name, fromVariable);
      return { node: node.member(key), path: [...path, key] };
    }
    if (node instanceof SettingList) {
      return LIST_INDEX.test(name) ? { node: node.item, path: [...path, String(Number(name))] } : null;
    }
    const member = findMember(node, name);
    if (member !== null) return { node: member[1], path: [...path, member[0]] };
    const named = node === this.#root ? this.#byVariable.get(name.toUpperCase()) : undefined;
    return named === undefined ? null : { node: named.setting, path: named.path };
  }

  /** A variable that names a group: its text is JSON for everything below. */
  #wholeGroup(node: SettingNode, path: readonly string[], name: string, text: string): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      this.problems.push({ name, expected: expectedJson(node), came: "text that is no JSON" });
      return;
    }
    this.json(node, value, path, (spelled) => [name, ...spelled].join("."), name);
  }

  #item(raw: RawValue, index: number, text: string): void {
    const key = pathKey(raw.path);
    const known = this.#items.get(key) ?? { first: raw, items: new Map<number, string>() };
    const before = known.items.get(index);
    if (before !== undefined && before !== text) this.#disagree(raw.name, known.first.name);
    known.items.set(index, text);
    this.#items.set(key, known);
  }

  #put(raw: RawValue): void {
    const key = pathKey(raw.path);
    const known = this.#values.get(key);
    if (known !== undefined && JSON.stringify(known.value) !== JSON.stringify(raw.value)) {
      this.#disagree(raw.name, known.name);
    }
    this.#values.set(key, raw);
  }

  #disagree(name: string, other: string): void {
    this.problems.push({
      name,
      expected: `the same value as ${other}, which is the same setting`,
      came: "another one",
    });
  }
}

function expectedJson(node: SettingNode): string {
  return node instanceof SettingList ? "a JSON list" : "a JSON object";
}
