/** What a figure was taken on: machine, versions and commit, kept beside every raw result. */

import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";

/** The load average of one minute above which other work is plainly running on this machine. */
const BUSY_LOAD = 1.5;
const BYTES_PER_GIB = 2 ** 30;

export type Machine = {
  cpu: string;
  cores: number;
  memoryGiB: number;
  kernel: string;
  distribution: string;
  bun: string;
  node: string;
  redis: string;
  wrk: string;
  commit: string;
  /** Whether files that git knows differed from the commit. */
  modified: boolean;
  /** One-minute load average before the measurement. */
  loadBefore: number;
};

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / BYTES_PER_GIB),
    kernel: release(),
    distribution: /PRETTY_NAME="(.*)"/.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "unknown",
    bun: Bun.version,
    node: firstLine(["node", "--version"]),
    redis: firstLine(["redis-server", "--version"]),
    wrk: firstLine(["wrk", "--version"]).split(" [")[0] ?? "",
    commit: firstLine(["git", "-C", import.meta.dir, "rev-parse", "--short=12", "HEAD"]),
    modified: firstLine(["git", "-C", import.meta.dir, "status", "--porcelain", "-uno"]) !== "",
    loadBefore: loadavg()[0] ?? 0,
  };
}

/** A sentence when the machine is at other work, else null. */
export function complainAboutLoad(machine: Machine): string | null {
  return machine.loadBefore > BUSY_LOAD
    ? `the machine was at other work: load average ${machine.loadBefore.toFixed(2)} before the start, at most ${BUSY_LOAD} is fine`
    : null;
}

/** Whether a program is on the PATH. */
export function hasProgram(name: string): boolean {
  return Bun.which(name) !== null;
}

function firstLine(command: string[]): string {
  if (!hasProgram(command[0] as string)) return "missing";
  const { stdout } = Bun.spawnSync(command, { stderr: "ignore" });
  return stdout.toString().split("\n")[0]?.trim() ?? "";
}
