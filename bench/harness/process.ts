/**
 * Child processes of a measurement: pinned to one core, spoken to in JSON lines, ended by their own pid.
 * The kernel ends them when the harness dies, so nothing outlives a harness that was killed.
 */

import { closeSync, openSync, readFileSync } from "node:fs";

/** The side under test has core 0 to itself; load, clients and databases share core 1. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** How long a child may take until it says something awaited. */
const ANSWER_TIMEOUT_MS = 60_000;
/** How long a child gets between the polite request to end and SIGKILL. */
const END_TIMEOUT_MS = 5_000;
/** The kernel's unit of CPU time in /proc/<pid>/stat: `getconf CLK_TCK` is 100 on every Linux we know. */
const CLOCK_TICK_MS = 10;
const BYTES_PER_KIB = 1024;

export type Message = { type: string } & Record<string, unknown>;

export type ChildOptions = {
  command: string[];
  core: number | string;
  env?: Record<string, string | undefined>;
  /** Where output and errors go when the child is a program that does not speak the harness's protocol. */
  outputTo?: string;
  cwd?: string;
};

const living = new Set<Child>();

/** A pinned child process. */
export class Child {
  readonly #process: Bun.Subprocess<"pipe", "pipe" | number, "pipe" | number>;
  readonly #messages: Message[] = [];
  readonly #label: string;
  #stderr = "";
  #wake: (() => void) | null = null;
  #watched: number | null = null;

  constructor(options: ChildOptions) {
    this.#label = options.command.join(" ");
    const output = options.outputTo === undefined ? "pipe" : openSync(options.outputTo, "a");
    this.#process = Bun.spawn(pinned(options.core, options.command), {
      stdin: "pipe",
      stdout: output,
      stderr: output,
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    if (typeof output === "number") closeSync(output);
    living.add(this);
    void this.#process.exited.then(() => {
      living.delete(this);
      this.#wake?.();
    });
    if (this.#process.stdout instanceof ReadableStream) void this.#readMessages(this.#process.stdout);
    if (this.#process.stderr instanceof ReadableStream) void this.#readErrors(this.#process.stderr);
  }

  /** The wrappers replace themselves with the command, so this is the command's own pid. */
  get pid(): number {
    return this.#process.pid;
  }

  /** From now on the CPU and the memory of this process count, which the child has started on its core. */
  watch(pid: number): void {
    this.#watched = pid;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  send(message: Message): void {
    this.#process.stdin.write(`${JSON.stringify(message)}\n`);
    void this.#process.stdin.flush();
  }

  /** The next message of this type; earlier ones of other types are dropped. Rejects when the child ends or stays silent. */
  async expect<T = Record<string, unknown>>(
    type: string,
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): Promise<T & Message> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      for (let next = this.#messages.shift(); next !== undefined; next = this.#messages.shift()) {
        if (next.type === type) return next as T & Message;
      }
      if (this.ended) throw new Error(`${this.#label} ended before it said "${type}"\n${this.#stderr}`);
      const left = deadline - performance.now();
      if (left <= 0)
        throw new Error(`${this.#label} did not say "${type}" within ${timeoutMs} ms\n${this.#stderr}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Asks the child to end by closing its input and by SIGTERM; kills it when it does not. */
  async end(): Promise<void> {
    if (this.ended) return;
    this.#process.stdin.end();
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), END_TIMEOUT_MS);
    await this.#process.exited;
    clearTimeout(timer);
  }

  /** SIGKILL: the bad day that pick-up is measured after. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  /** Resident memory in bytes. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#watched ?? this.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * BYTES_PER_KIB;
  }

  /** User and system time used so far, in milliseconds. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.#watched ?? this.pid}/stat`, "utf8");
    // The command's name, in brackets, may hold spaces: the numbered fields begin behind it, with field 3.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS;
  }

  async #readMessages(stdout: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines)
        if (line.startsWith('{"type"')) this.#messages.push(JSON.parse(line) as Message);
      this.#wake?.();
    }
  }

  async #readErrors(stderr: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stderr) {
      this.#stderr = (this.#stderr + decoder.decode(chunk, { stream: true })).slice(-4000);
    }
  }
}

/** The command, held to one core (or to the cores of a list as taskset reads it) and ended by the kernel when this process is gone. */
export function pinned(core: number | string, command: readonly string[]): string[] {
  return ["taskset", "-c", String(core), "setpriv", "--pdeathsig", "KILL", ...command];
}

/** Ends every child that is still there, for the way out after an error or Ctrl-C. */
export async function endChildren(): Promise<void> {
  await Promise.all([...living].map((child) => child.end()));
}
