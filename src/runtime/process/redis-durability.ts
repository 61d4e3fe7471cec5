/**
 * What a Redis server promises about writes it has acknowledged. Conduit answers "accepted" on the strength of that
 * promise, so a server that promises less is reported loudly.
 */

import type { Redis } from "@upstash/redis";

export type RedisDurability = {
  /** Why acknowledged writes may be lost, or cannot be known to last; one phrase each, empty when they last. */
  readonly doubts: readonly string[];
  /** Why the server cannot be used at all; null when it can. */
  readonly unusable: string | null;
};

/** Scripts rely on what came with it. */
const OLDEST_VERSION = 7;

/** Looks at the server's settings. Rejects when the server does not answer. */
export async function checkRedisDurability(redis: Redis): Promise<RedisDurability> {
  const facts = parseInfo(await redis.exec<string>(["INFO"]));
  return { doubts: [...doubtsIn(facts), ...(await fsyncDoubts(redis, facts))], unusable: unusable(facts) };
}

function unusable(facts: ReadonlyMap<string, string>): string | null {
  if (facts.get("cluster_enabled") === "1")
    return "it runs in cluster mode, where one step cannot change a task together with its queue and its money. Use a single server";
  if (facts.get("role") === "slave") return "it is a replica. Use the server that takes the writes";
  const version = facts.get("redis_version");
  if (version !== undefined && Number.parseInt(version, 10) < OLDEST_VERSION)
    return `it is version ${version}. Use ${OLDEST_VERSION} or later`;
  return null;
}

function doubtsIn(facts: ReadonlyMap<string, string>): string[] {
  const doubts: string[] = [];
  const appendOnly = facts.get("aof_enabled");
  if (appendOnly === undefined) doubts.push("it does not tell whether appendonly is on");
  else if (appendOnly !== "1")
    doubts.push("appendonly is off: a restart loses what came after the last snapshot");
  if (facts.get("aof_last_write_status") === "err")
    doubts.push("its last write to the append-only file failed");
  const policy = facts.get("maxmemory_policy");
  if (policy === undefined) doubts.push("it does not tell its maxmemory-policy");
  else if (policy !== "noeviction")
    doubts.push(`maxmemory-policy is ${policy} instead of noeviction: tasks may be evicted`);
  return doubts;
}

/** How soon an appended write is on disk is told by the settings alone, which managed servers often hide. */
async function fsyncDoubts(redis: Redis, facts: ReadonlyMap<string, string>): Promise<string[]> {
  if (facts.get("aof_enabled") !== "1") return [];
  try {
    const [, fsync] = await redis.exec<string[]>(["CONFIG", "GET", "appendfsync"]);
    if (fsync === "always") return [];
    return fsync === undefined
      ? ["it does not tell its appendfsync"]
      : [`appendfsync is ${fsync} instead of always: a power cut loses what was just acknowledged`];
  } catch (error) {
    // Refused or renamed; a server that is gone meanwhile is found by whoever asks it next.
    if (error instanceof Error && error.name === "UpstashError")
      return ["it does not tell its appendfsync (CONFIG is refused)"];
    throw error;
  }
}

/** `name:value` lines; sections and blanks are left out. */
function parseInfo(text: string): Map<string, string> {
  const facts = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0 && !line.startsWith("#")) facts.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return facts;
}
