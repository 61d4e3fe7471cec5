/**
 * A script runner (`npm start`, `npx bun run start`, `bun run start`) stands between whoever starts the program and the
 * program, and does not always pass on what ends it: a killed one passes on nothing, and `npx` tells a shell that
 * tells nobody. Nothing reaches the program then, which would keep its port and its data directory for good. Its parents
 * are the only trace: when one ends, the system gives what it had started to another process.
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import type { Clock, TimerHandle } from "../../tasks/ports/clock.ts";

export interface Processes {
  /** `unknown` where the system does not tell, be it for a moment. */
  parentOf(pid: number): number | "ended" | "unknown";
  /** Whether a script runner started it. */
  isOfRunner(pid: number): boolean;
  /** Whether somebody detached it from what started it (`setsid`, `nohup`), so that it outlives that. */
  isDetached(pid: number): boolean;
}

/** A process and the parent that it had when it was asked. */
export type Link = { readonly child: number; readonly parent: number };

/** npm, npx, yarn, pnpm and Bun set it for what they run. */
const RUNNER_VARIABLE = "npm_lifecycle_event";
const LOOK_EVERY_MS = 1_000;
/** `npx bun run start` has three between itself and the program. */
const MAX_LINKS = 8;

/**
 * From the process up to the outermost script runner, whose own parent may end as it likes; to be asked early, while all
 * of them are there. Empty for a process that was started directly or detached.
 */
export function runnersAbove(pid: number, processes: Processes): Link[] {
  const links: Link[] = [];
  for (let child = pid; links.length < MAX_LINKS; ) {
    if (!processes.isOfRunner(child) || processes.isDetached(child)) break;
    const parent = processes.parentOf(child);
    if (typeof parent === "string") break;
    links.push({ child, parent });
    child = parent;
  }
  return links;
}

/**
 * Calls `onGone` once when one of these parents is gone, found within about a second. The timer does not keep the
 * process alive; `cancel` ends the watch.
 */
export function watchRunners(
  links: readonly Link[],
  processes: Pick<Processes, "parentOf">,
  clock: Pick<Clock, "after">,
  onGone: () => void,
): TimerHandle {
  let timer: TimerHandle | null = null;
  const isCut = ({ child, parent }: Link) => ![parent, "unknown"].includes(processes.parentOf(child));
  const look = () => {
    if (links.some(isCut)) onGone();
    else wait();
  };
  const wait = () => {
    timer = clock.after(LOOK_EVERY_MS, look);
  };
  if (links.length > 0) wait();
  return { cancel: () => timer?.cancel() };
}

/**
 * The system's own account, out of `/proc`. Without one - and under Deno, which lets programs read it with every
 * permission only - the program's own parent is all that is known: a runner above that one ends unseen.
 */
export const systemProcesses: Processes = {
  parentOf(pid) {
    if (pid === process.pid) return process.ppid;
    const stat = statOf(pid);
    return typeof stat === "string" ? stat : stat.parent;
  },
  isOfRunner(pid) {
    if (pid === process.pid) return process.env[RUNNER_VARIABLE] !== undefined;
    return read(pid, "environ")
      .text.split("\0")
      .some((entry) => entry.startsWith(`${RUNNER_VARIABLE}=`));
  },
  isDetached(pid) {
    const stat = statOf(pid);
    return (typeof stat === "object" && stat.session === pid) || ignoresHangUp(pid);
  },
};

/** `pid (name) state parent group session …`; a name may hold anything, parentheses too. */
function statOf(pid: number): { parent: number; session: number } | "ended" | "unknown" {
  const { text, ended } = read(pid, "stat");
  if (text === "") return ended ? "ended" : "unknown";
  const [, parent, , session] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(parent), session: Number(session) };
}

/** What `nohup` does. A runner does not hand it on to what it runs. */
function ignoresHangUp(pid: number): boolean {
  const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(read(pid, "status").text)?.[1];
  // The lowest bit is signal 1.
  return ignored !== undefined && BigInt(`0x${ignored}`) % 2n === 1n;
}

/** Empty when it cannot be read; a process may have too many files open itself, which says nothing of the other one. */
function read(pid: number, file: string): { text: string; ended: boolean } {
  try {
    return { text: readFileSync(`/proc/${pid}/${file}`, "utf8"), ended: false };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    return { text: "", ended: code === "ENOENT" || code === "ESRCH" };
  }
}
