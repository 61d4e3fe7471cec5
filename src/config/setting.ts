/** What a setting is: its bounds, its default and its meaning, and the builders the schema is written with. */

import { z } from "zod";

/** One value an operator can set. */
export class Setting<T> {
  /**
   * Makes what turns a value that came (text from the environment, any JSON value from a file) into the setting's, or
   * refuses it. Most settings are left as they are, and a schema takes longer to make than to use.
   */
  readonly schema: () => z.ZodType<T>;
  readonly fallback: T;
  /** Ends the sentence "expected …". */
  readonly expected: string;
  /** One line for the documentation. */
  readonly meaning: string;
  /** The variable that sets it besides `CONDUITLLM__…`. */
  readonly variable: string | null;
  /** A secret's value appears in no message. */
  readonly secret: boolean;
  /** Items may come one by one as `__0`, `__1`, … */
  readonly list: boolean;
  /** How the documentation writes a default that is no constant. */
  readonly fallbackText: string | null;

  constructor(options: {
    schema: () => z.ZodType<T>;
    fallback: T;
    expected: string;
    meaning: string;
    variable?: string | null | undefined;
    secret?: boolean | undefined;
    list?: boolean | undefined;
    fallbackText?: string | null | undefined;
  }) {
    this.schema = options.schema;
    this.fallback = options.fallback;
    this.expected = options.expected;
    this.meaning = options.meaning;
    this.variable = options.variable ?? null;
    this.secret = options.secret ?? false;
    this.list = options.list ?? false;
    this.fallbackText = options.fallbackText ?? null;
  }
}

/**
 * Settings under names the operator chooses. A known name is always there, and some of its settings may be its own, such
 * as one with a variable.
 */
export class SettingMap<N extends SettingNode, K extends string = never> {
  readonly item: N;
  /** By known name: what takes the place of the item's members. */
  readonly known: Readonly<Record<K, SettingGroup>>;
  /** How a documentation page calls the name. */
  readonly keyName: string;
  /**
   * Whether names are kept in lower case; otherwise as spelled, and in lower case only when a variable spells them in
   * capitals.
   */
  readonly lowerCaseKeys: boolean;

  constructor(
    item: N,
    options: { keyName: string; lowerCaseKeys: boolean },
    known: Readonly<Record<K, Partial<N>>> = {} as Readonly<Record<K, Partial<N>>>,
  ) {
    this.item = item;
    this.known = known as Readonly<Record<K, SettingGroup>>;
    this.keyName = options.keyName;
    this.lowerCaseKeys = options.lowerCaseKeys;
  }

  /** What is below a name. */
  member(key: string): N {
    const own: SettingGroup | undefined = Object.hasOwn(this.known, key) ? this.known[key as K] : undefined;
    return own === undefined ? this.item : { ...this.item, ...own };
  }
}

/** Groups of settings in an order: an array in JSON, numbered names in the environment. */
export class SettingList<N extends SettingGroup> {
  readonly item: N;
  /** How a documentation page calls the number. */
  readonly keyName: string;

  constructor(item: N, options: { keyName: string }) {
    this.item = item;
    this.keyName = options.keyName;
  }
}

export type SettingGroup = { readonly [name: string]: SettingNode };
export type SettingNode =
  | Setting<unknown>
  // Which names are known makes no difference to whoever walks the tree.
  | SettingMap<SettingNode, string>
  | SettingList<SettingGroup>
  | SettingGroup;

/** The values of a tree of settings. */
export type SettingsOf<N> =
  N extends Setting<infer T>
    ? T
    : N extends SettingMap<infer I, infer K>
      ? Readonly<Record<string, SettingsOf<I>>> & { readonly [Known in K]: SettingsOf<I> }
      : N extends SettingList<infer I>
        ? readonly SettingsOf<I>[]
        : { readonly [K in keyof N]: SettingsOf<N[K]> };

type Extras = { variable?: string; secret?: boolean };

/** A whole number from `min` to `max`. */
export function integer(fallback: number, min: number, max: number, meaning: string, extras: Extras = {}) {
  return new Setting<number>({
    schema: () => z.preprocess(numberFromText, z.int().min(min).max(max)),
    fallback,
    expected: `a whole number from ${min} to ${max}`,
    meaning,
    ...extras,
  });
}

/** A number from `min` to `max`, fractions allowed. */
export function decimal(fallback: number, min: number, max: number, meaning: string) {
  return new Setting<number>({
    schema: () => z.preprocess(numberFromText, z.number().min(min).max(max)),
    fallback,
    expected: `a number from ${min} to ${max}`,
    meaning,
  });
}

/** A number from `min` to `max`, or nothing. */
export function optionalDecimal(min: number, max: number, meaning: string) {
  return new Setting<number | null>({
    schema: () => z.preprocess(numberFromText, z.number().min(min).max(max)),
    fallback: null,
    expected: `a number from ${min} to ${max}`,
    meaning,
  });
}

/** A whole number whose default the host and the chosen store decide, as `fallbackText` says. */
export function decidedInteger(fallbackText: string, min: number, max: number, meaning: string) {
  return new Setting<number | null>({
    ...integer(min, min, max, meaning),
    fallback: null,
    fallbackText,
  });
}

/** The same with fractions. */
export function decidedDecimal(fallbackText: string, min: number, max: number, meaning: string) {
  return new Setting<number | null>({ ...optionalDecimal(min, max, meaning), fallbackText });
}

/** Yes or no. */
export function boolean(fallback: boolean, meaning: string) {
  return new Setting<boolean>({
    schema: () =>
      z.preprocess(
        (value) => (typeof value === "string" ? (FLAGS.get(value.toLowerCase()) ?? value) : value),
        z.boolean(),
      ),
    fallback,
    expected: "true or false",
    meaning,
  });
}

/** Yes or no, where something else decides the default, as `fallbackText` says. */
export function decidedBoolean(fallbackText: string, meaning: string) {
  return new Setting<boolean | null>({ ...boolean(false, meaning), fallback: null, fallbackText });
}

/** One of a few words, letter case ignored. */
export function word<const W extends string>(fallback: W, words: readonly W[], meaning: string) {
  return new Setting<W>({
    schema: () =>
      z.preprocess((value) => (typeof value === "string" ? value.toLowerCase() : value), z.enum(words)),
    fallback,
    expected: `one of ${words.join(", ")}`,
    meaning,
  });
}

/** A text that is always there. */
export function text(
  fallback: string,
  schema: z.ZodType<string>,
  expected: string,
  meaning: string,
  extras: Extras = {},
) {
  return new Setting<string>({ schema: () => schema, fallback, expected, meaning, ...extras });
}

/** A text, or something made from one, that may be absent. */
export function optional<T>(schema: z.ZodType<T>, expected: string, meaning: string, extras: Extras = {}) {
  return new Setting<T | null>({ schema: () => schema, fallback: null, expected, meaning, ...extras });
}

/** Several texts: an array, numbered variables, or one text with commas. */
export function list(item: z.ZodType<string>, expected: string, meaning: string) {
  return new Setting<readonly string[]>({ ...listOptions(item, expected, meaning), fallback: [] });
}

/** Several texts, or nothing: then something else decides. */
export function optionalList(item: z.ZodType<string>, expected: string, meaning: string) {
  return new Setting<readonly string[] | null>({ ...listOptions(item, expected, meaning), fallback: null });
}

/** More items than people list by hand. */
const MAX_LIST_ITEMS = 1_000;

function listOptions(item: z.ZodType<string>, expected: string, meaning: string) {
  return {
    schema: () => z.preprocess(itemsFromText, z.array(item).max(MAX_LIST_ITEMS)),
    expected,
    meaning,
    list: true,
  };
}

const FLAGS = new Map([
  ["true", true],
  ["1", true],
  ["yes", true],
  ["on", true],
  ["false", false],
  ["0", false],
  ["no", false],
  ["off", false],
]);

/** Decimal notation only: `0x10`, `1e3` and blanks are slips rather than numbers. */
const DECIMAL = /^[+-]?\d+(\.\d+)?$/;

function numberFromText(value: unknown): unknown {
  return typeof value === "string" && DECIMAL.test(value.trim()) ? Number(value) : value;
}

function itemsFromText(value: unknown): unknown {
  if (typeof value !== "string") return value;
  return value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
