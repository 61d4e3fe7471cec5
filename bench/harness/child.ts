/** The child's half of the harness's protocol: JSON lines on standard output and input. Runs under Bun and Node alike. */

import { createInterface } from "node:readline";

export type Command = { type: string } & Record<string, unknown>;

/** Says one thing to the harness. */
export function say(type: string, fields: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ type, ...fields })}\n`);
}

/** Hears the harness's commands until it closes the pipe, which ends this process. */
export function hear(handle: (command: Command) => void | Promise<void>): void {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    void Promise.resolve(handle(JSON.parse(line) as Command)).catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  });
  lines.on("close", () => process.exit(0));
}

/** A number from the command line's `--name=value`, or its default. */
export function numberArgument(name: string, fallback?: number): number {
  const text = textArgument(name, fallback === undefined ? undefined : String(fallback));
  const value = Number(text);
  if (!Number.isFinite(value)) throw new Error(`--${name} must be a number, got "${text}"`);
  return value;
}

/** A text from the command line's `--name=value`, or its default. */
export function textArgument(name: string, fallback?: string): string {
  const prefix = `--${name}=`;
  const found =
    process.argv.find((argument) => argument.startsWith(prefix))?.slice(prefix.length) ?? fallback;
  if (found === undefined) throw new Error(`--${name}=… is missing`);
  return found;
}
