/** What the program's arguments ask for. Settings are no arguments: one that is mistaken for such is refused. */

export type Command =
  | { kind: "start" }
  /** Print and end: what was asked for, or what is wrong. */
  | { kind: "print"; text: string; exitCode: number };

/** The conventional status of a command line that is not understood. */
const EXIT_USAGE = 2;

const USAGE = `Usage: bun run start [--help | --version]

Starts Conduit. Settings come from conduit.json in this folder, the variable CONDUIT_CONFIG (JSON) and the environment:

  PORT, HOST                                  where it listens (8787, 127.0.0.1)
  CONDUIT_DATA_DIR                            database, media and keys (.conduit)
  CONDUIT_BOOTSTRAP_KEY, CONDUIT_ADMIN_KEY    made at the first start when they are not given
  CONDUIT_PUBLIC_URL                          the address others reach it at

docs/configuration.md describes all of them.
`;

const ANSWERS: ReadonlyMap<string, (version: string) => string> = new Map([
  ["--help", () => USAGE],
  ["-h", () => USAGE],
  ["--version", (version: string) => `Conduit ${version}\n`],
]);

/** Reads the arguments that follow the program's name. */
export function readCommand(args: readonly string[], version: string): Command {
  const unknown = args.find((argument) => !ANSWERS.has(argument));
  if (unknown !== undefined) {
    const text = `${JSON.stringify(unknown)} is no argument of this program. Settings are variables, such as PORT=9000; --help lists some.\n`;
    return { kind: "print", text, exitCode: EXIT_USAGE };
  }
  const answer = ANSWERS.get(args[0] ?? "");
  return answer === undefined ? { kind: "start" } : { kind: "print", text: answer(version), exitCode: 0 };
}
