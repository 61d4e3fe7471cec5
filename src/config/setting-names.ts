/**
 * The names of settings: finding a setting by a name in any letter case, listing all, and the nearest to a wrong one.
 */

import { Setting, type SettingGroup, SettingList, SettingMap, type SettingNode } from "./setting.ts";

/** Begins the environment's spelling of every setting. */
export const VARIABLE_PREFIX = "CONDUITLLM__";
const VARIABLE_SEPARATOR = "__";

/** A setting with its path; where the operator chooses a name, the path has `<name>`. */
export type NamedSetting = { path: readonly string[]; setting: Setting<unknown> };

/** Every setting of a tree, in the order it is written. */
export function listSettings(node: SettingNode, path: readonly string[] = []): NamedSetting[] {
  if (node instanceof Setting) return [{ path, setting: node }];
  if (node instanceof SettingMap) {
    const known = Object.entries<SettingGroup>(node.known).flatMap(([name, own]) =>
      listSettings(own, [...path, name]),
    );
    return [...known, ...listSettings(node.item, [...path, `<${node.keyName}>`])];
  }
  if (node instanceof SettingList) return listSettings(node.item, [...path, `<${node.keyName}>`]);
  return Object.entries(node).flatMap(([name, child]) => listSettings(child, [...path, name]));
}

/** The member of a group under this name, letter case ignored. */
export function findMember(group: SettingGroup, name: string): [string, SettingNode] | null {
  const wanted = name.toLowerCase();
  return Object.entries(group).find(([member]) => member.toLowerCase() === wanted) ?? null;
}

/** The key of a map as it is kept. */
export function mapKey(map: SettingMap<SettingNode, string>, name: string, fromVariable: boolean): string {
  const shouted = fromVariable && name === name.toUpperCase();
  return map.lowerCaseKeys || shouted ? name.toLowerCase() : name;
}

export function dottedName(path: readonly string[]): string {
  return path.join(".");
}

export function variableName(path: readonly string[]): string {
  return VARIABLE_PREFIX + path.map((segment) => segment.toUpperCase()).join(VARIABLE_SEPARATOR);
}

export function variableSegments(name: string): string[] {
  return name.slice(VARIABLE_PREFIX.length).split(VARIABLE_SEPARATOR);
}

/** The path of the setting whose name is most like this one; a short path may also be that of a group of settings. */
export function nearestPath(settings: readonly NamedSetting[], path: readonly string[]): readonly string[] {
  const wanted = path.join(".").toLowerCase();
  let nearest: readonly string[] = [];
  let least = Number.POSITIVE_INFINITY;
  for (const { path: candidate } of settings) {
    const filled = candidate.map((segment, index) =>
      segment.startsWith("<") ? (path[index]?.toLowerCase() ?? segment) : segment,
    );
    const names = [filled, filled.slice(0, path.length)].map((name) => name.join(".").toLowerCase());
    const distance = Math.min(...names.map((name) => editDistance(wanted, name)));
    if (distance < least) {
      least = distance;
      nearest = filled;
    }
  }
  return nearest;
}

/** Of these words, the one most like the given one. */
export function nearestWord(words: readonly string[], word: string): string | null {
  const distances = words.map((candidate) => editDistance(word, candidate));
  return words[distances.indexOf(Math.min(...distances))] ?? null;
}

/** How many letters must be changed, put in or left out to make one text of the other. */
function editDistance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const change = one[row - 1] === other[column - 1] ? 0 : 1;
      current.push(
        Math.min(
          (previous[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (previous[column - 1] ?? 0) + change,
        ),
      );
    }
    previous = current;
  }
  return previous[other.length] ?? 0;
}
