/** The log: one JSON object per line. No credential leaves it, whatever a caller puts into a message or a field. */

import type { Log, LogFields } from "../tasks/ports/log.ts";
import { mayHoldSecrets, REDACTED, redactSecrets } from "./redaction.ts";

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

/** A rendered line with a field whose name decides something. */
const NOTABLE_FIELD =
  /"(?:time|level|msg)":|authorization|cookie|password|secret|api[-_]?key|access[-_]?token/i;

export class JsonLog implements Log {
  readonly #options: JsonLogOptions;
  readonly #least: number;
  readonly #secrets: readonly string[];
  /** Fields that every line carries, and the same rendered, each with a leading comma. */
  readonly #fields: LogFields;
  readonly #bound: string;
  /** The millisecond written last, and its text: a busy process writes many lines in one. */
  #time = Number.NaN;
  #timeText = "";

  constructor(options: JsonLogOptions, bound: LogFields = {}) {
    this.#options = options;
    this.#least = LOG_LEVELS.indexOf(options.level);
    this.#secrets = (options.secrets ?? [])
      .filter(({ length }) => length >= MIN_SECRET_CHARACTERS)
      // As it stands in a text, and as JSON writes it.
      .flatMap((secret) => [...new Set([secret, JSON.stringify(secret).slice(1, -1)])]);
    this.#fields = bound;
    this.#bound = renderFields(bound, (text) => this.#clean(text));
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

  #line(level: Exclude<LogLevel, "silent">, message: string, fields: LogFields = {}): void {
    if (!this.writes(level)) return;
    // Most lines hold nothing doubtful: one look at the whole line spares a look at each of its texts.
    const members = JSON.stringify(fields).slice(1, -1);
    let body = `${JSON.stringify(message)}${this.#bound}${members === "" ? "" : `,${members}`}`;
    if (this.#isDoubtful(body)) {
      body = `${this.#clean(message)}${this.#bound}${renderFields(fields, (text) => this.#clean(text))}`;
    }
    try {
      this.#options.write(`{"time":"${this.#timestamp()}","level":"${level}","msg":${body}}\n`);
    } catch {
      // The log is the last place to report to; work goes on without it.
    }
  }

  #timestamp(): string {
    const now = this.#options.now();
    if (now !== this.#time) {
      this.#time = now;
      this.#timeText = new Date(now).toISOString();
    }
    return this.#timeText;
  }

  #isDoubtful(body: string): boolean {
    return (
      body.length > MAX_TEXT_CHARACTERS ||
      NOTABLE_FIELD.test(body) ||
      mayHoldSecrets(body) ||
      this.#secrets.some((secret) => body.includes(secret))
    );
  }

  /** A text as JSON, without secrets; redacted before it is cut, so that no half of one is left. */
  #clean(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, REDACTED);
    clean = redactSecrets(clean);
    return JSON.stringify(
      clean.length <= MAX_TEXT_CHARACTERS ? clean : `${clean.slice(0, MAX_TEXT_CHARACTERS)}…`,
    );
  }
}

/** The fields as JSON members, each with a leading comma. */
function renderFields(fields: LogFields, text: (value: string) => string): string {
  let rendered = "";
  for (const name in fields) {
    const value = fields[name];
    if (value === undefined || RESERVED.has(name)) continue;
    rendered += `,${text(name)}:`;
    if (SECRET_FIELD.test(name)) rendered += JSON.stringify(REDACTED);
    else rendered += typeof value === "string" ? text(value) : JSON.stringify(value);
  }
  return rendered;
}
