/**
 * The store on Redis 7: over TCP, or Upstash over REST, through the same client. Every method is one script
 * (scripts/**), and one round trip; where the reducer decides about a task that this process does not hold, one more loads it.
 * Time that decides is the server's. One server, no cluster: scripts name keys of several tasks and tenants (which ones there
 * are: scripts.ts).
 */

import type { OutboxOptions } from "../../events/outbox.ts";
import { cryptoRandom, type RandomFill, randomToken } from "../../tasks/ids.ts";
import { ONLY_SHARD } from "../../tasks/ports/task-store.ts";
import { DATA_RELEASE, type DataRelease } from "../release.ts";
import type { Store } from "../store.ts";
import { type FieldTable, TASK_FIELDS } from "../task-fields.ts";
import { RedisAudit } from "./accounts/audit.ts";
import { RedisEndpoints } from "./accounts/endpoints.ts";
import { RedisEphemeralKeys } from "./accounts/ephemeral-keys.ts";
import { RedisAccounts } from "./accounts/keys.ts";
import { RedisBatches } from "./batches.ts";
import { RedisDeliveries } from "./deliveries.ts";
import { RedisLedger } from "./ledger.ts";
import { RedisOutbox } from "./outbox.ts";
import { prepare } from "./schema/conversion.ts";
import { CALLER_LENGTH, Scripts } from "./scripts.ts";
import { type ScriptClient, ScriptRunner, type Together } from "./server/script-runner.ts";
import { RedisSessions } from "./sessions.ts";
import { TaskFields } from "./tasks/fields.ts";
import { MadeTasks } from "./tasks/made-tasks.ts";
import { RedisTasks } from "./tasks/store.ts";
import { RedisUsage } from "./usage.ts";

export type RedisStoreOptions = {
  /** An Upstash client without automatic deserialization and without automatic pipelining. */
  redis: ScriptClient;
  /** Names this process among those that follow logs: a word, different at every boot. */
  node: string;
  /** Before every key; default `conduit:`. */
  prefix?: string;
  /** Waits before a call whose answer was lost is sent again, ms; on top of what the client itself repeats. */
  repeatAfterMs?: readonly number[];
  random?: RandomFill;
  /** Tests only: replaces the server's clock, ms. */
  now?: () => number;
  /** Where callers may wait for one another (TCP): calls of one turn share a script. */
  together?: Together;
  /** Which domain events are written. Default: none. */
  outbox?: OutboxOptions | null;
  /** Tests only: the fields and the number of another release. */
  fields?: FieldTable;
  release?: DataRelease;
};

const DEFAULT_PREFIX = "conduit:";
/** A restarted server is back within a second; who waits longer should hear of it. */
const REPEAT_AFTER_MS = [100, 500];
/** Characters of an epoch: 62^10 make a repetition no concern. */
const TOKEN_LENGTH = 10;

/** The store in the Redis behind the client. Nothing is asked of the server before the first call. */
export function createRedisStore(options: RedisStoreOptions): Store {
  const {
    redis,
    node,
    prefix = DEFAULT_PREFIX,
    repeatAfterMs = REPEAT_AFTER_MS,
    random = cryptoRandom,
    now,
    together,
    fields: table = TASK_FIELDS,
    release = DATA_RELEASE,
    outbox = null,
  } = options;
  if (!/^\S+$/.test(node)) throw new TypeError(`node: expected a word, got ${JSON.stringify(node)}`);
  const token = () => randomToken(TOKEN_LENGTH, random);
  const boot = randomToken(CALLER_LENGTH, random);
  let calls = 0;
  const fields = new TaskFields(table);
  const made = new MadeTasks(CALLER_LENGTH);
  const scripts = new ScriptRunner({
    client: redis,
    scripts: new Scripts(fields, release, outbox),
    prefix,
    shard: ONLY_SHARD,
    repeatAfterMs,
    nonce: () => `${boot}${(calls++).toString(36)}`,
    ...(now && { now }),
    ...(together && { together }),
  });
  scripts.onUnprepared(() => prepare(scripts, fields));
  return {
    ...methodsOf(new RedisTasks(scripts, fields, { node, token, made, outbox, now })),
    ...methodsOf(new RedisBatches(scripts, fields, made, token, outbox)),
    ...methodsOf(new RedisAccounts(scripts)),
    ...methodsOf(new RedisAudit(scripts)),
    ...methodsOf(new RedisEphemeralKeys(scripts)),
    ...methodsOf(new RedisLedger(scripts)),
    ...methodsOf(new RedisUsage(scripts)),
    ...methodsOf(new RedisEndpoints(scripts)),
    ...methodsOf(new RedisDeliveries(scripts)),
    ...methodsOf(new RedisSessions(scripts, outbox)),
    ...methodsOf(new RedisOutbox(scripts)),
  };
}

/** The methods of a part of the store, which go on working in it when another object has them. */
function methodsOf<Part extends object>(part: Part): { [Name in keyof Part]: Part[Name] } {
  const methods: Partial<Part> = {};
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(part)) as (keyof Part)[]) {
    const method = part[name];
    if (name !== "constructor" && typeof method === "function") methods[name] = method.bind(part);
  }
  return methods as Part;
}
