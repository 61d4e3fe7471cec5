/** The log as the code that is the same on every host uses it: lines with fields. The host decides where they go. */

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  /** What only somebody who looks for a fault wants to see. */
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields & { cause?: string }): void;
}

/** Name and message of anything thrown, for a log line. */
export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
