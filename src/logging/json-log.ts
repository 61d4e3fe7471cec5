/** The log: one JSON object per line. No credential leaves it, whatever a caller puts into a message or a field. */

import type { Log, LogFields } from "../tasks/log.ts";
import { REDACTED, redactSecrets } from "./redaction.ts";

/** From the most talkative to none at all. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type JsonLogOptions = {
  /** Least severe level that is written. */
  level: LogLevel;
  /** Takes one line, newline included. What it throws is swallowed: a full disk must not fail requests. */
  write(line: string): void;
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Secrets without a recognisable form, such as the admin key; taken out wherever they appear. */
  secrets?: readonly string[];
};

/** Longer texts are cut, so that a line stays readable and a caller cannot fill the disk with one. */
const MAX_TEXT_CHARACTERS = 4_000;
/** Shorter secrets would blank out ordinary words. */
const MIN_SECRET_CHARACTERS = 8;
/** Fields that are credentials by their name. */
const SECRET_FIELD = /authorization|cookie|password|secret|api[-_]?key|access[-_]?token/i;
/** What a line begins with; a field of such a name is left out. */
const RESERVED = new Set(["time", "level", "msg"]);

export class JsonLog implements Log {
  readonly #options: JsonLogOptions;
  readonly #least: number;
  readonly #secrets: readonly string[];
  /** Fields that every line carries, and the same rendered, each with a leading comma. */
  readonly #fields: LogFields;
  readonly #bound: string;

  constructor(options: JsonLogOptions, bound: LogFields = {}) {
    this.#options = options;
    this.#least = LOG_LEVELS.indexOf(options.level);
    this.#secrets = (options.secrets ?? []).filter(({ length }) => length >= MIN_SECRET_CHARACTERS);
    this.#fields = bound;
    this.#bound = this.#render(bound);
  }

  /** A log whose lines carry these fields as well: the request's id, the task's. */
  with(fields: LogFields): JsonLog {
    return new JsonLog(this.#options, { ...this.#fields, ...fields });
  }

  /** Whether lines of this level are written: for callers that would have to prepare them. */
  writes(level: Exclude<LogLevel, "silent">): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#least;
  }

  debug(message: string, fields?: LogFields): void {
    this.#line("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#line("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#line("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#line("error", message, fields);
  }

  #line(level: Exclude<LogLevel, "silent">, message: string, fields: LogFields | undefined): void {
    if (!this.writes(level)) return;
    const time = new Date(this.#options.now()).toISOString();
    const rest = fields === undefined ? "" : this.#render(fields);
    try {
      this.#options.write(
        `{"time":"${time}","level":"${level}","msg":${this.#text(message)}${this.#bound}${rest}}\n`,
      );
    } catch {
      // The log is the last place to report to; work goes on without it.
    }
  }

  #render(fields: LogFields): string {
    let rendered = "";
    for (const name in fields) {
      const value = fields[name];
      if (value === undefined || RESERVED.has(name)) continue;
      rendered += `,${JSON.stringify(name)}:`;
      if (SECRET_FIELD.test(name)) rendered += JSON.stringify(REDACTED);
      else rendered += typeof value === "string" ? this.#text(value) : JSON.stringify(value);
    }
    return rendered;
  }

  /** A text as JSON, without secrets; redacted before it is cut, so that no half of one is left. */
  #text(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, REDACTED);
    clean = redactSecrets(clean);
    return JSON.stringify(
      clean.length <= MAX_TEXT_CHARACTERS ? clean : `${clean.slice(0, MAX_TEXT_CHARACTERS)}…`,
    );
  }
}
