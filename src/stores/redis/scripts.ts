/**
 * The Lua scripts as Redis gets them: constants, then the parts a script is made of, then the script. Each script is one
 * step of the store, whole or not at all; its head says what it takes and answers. They alone name keys:
 *
 * | key                               | type   | holds                                                                      |
 * | --------------------------------- | ------ | -------------------------------------------------------------------------- |
 * | `schema`, `reader`                | string | the newest release that wrote here, and the oldest that may use the data (`writes`, `minReader` in release.ts) |
 * | `0:task:<id>`                     | hash   | a task's fields (see fields.ts), its events (`e<seq>`, JSON), its due work (`work <kind> <id>`) and deliveries (`delivery <id>`) |
 * | `0:key:<key>`                     | hash   | of a key: whether it may start tasks (`on`, `until`, `cap`, `budgets`, `limits`), its requests (`fullAt`, `day`, `requests`), whether it has endpoints (`hooks`), log position, followers, counters, its queue in each lane |
 * | `0:subject:<tenant>`              | hash   | the same of a subject, without a queue                                     |
 * | `0:log:<tenant>`                  | list   | of a key or a subject: its newest events, as task and field of the task    |
 * | `0:ids:<tenant>`                  | zset   | its tasks by status, type and age, for lists                               |
 * | `0:tenants`                       | zset   | every tenant that has a log                                                |
 * | `0:nodes`                         | zset   | processes that may follow logs, by when they were last heard of            |
 * | `0:batch:<length>:<key>:<batch>`  | zset   | the tasks of a batch                                                       |
 * | `0:batch-record:<batch>`          | hash   | a batch: whose, details, and how many of its tasks have which status (see scripts/batches/batch-counts.lua) |
 * | `0:batches:<tenant>`              | zset   | its batches by age; `0:batch-ends` those of all that have ended, by their end |
 * | `0:once:<tenant>:<key>`           | string | an idempotency key: until when, whose, and the request's fingerprint (JSON) |
 * | `0:lane:<lane>`                   | hash   | virtual time, how many are held, the providers, and which are paused       |
 * | `0:turns:<lane>:<provider>`       | zset   | keys that may be served, by virtual time                                   |
 * | `0:polls:<lane>:<provider>`       | zset   | those of them with a started task ready                                    |
 * | `0:ready:<lane>:<rank>:<provider>:<key>` | zset | ready tasks of one key, rank and provider, by age                     |
 * | `0:delayed:<lane>`                | zset   | tasks by when they are due                                                 |
 * | `0:wake:<lane>`                   | zset   | unfinished tasks by the end of their lease or their deadline               |
 * | `0:ended`, `0:trimmed`            | zset   | settled tasks by their end: with their events, and without                 |
 * | `0:unsettled`                     | zset   | tasks that finished unsettled, by their end, until their files are removed |
 * | `0:media-cursors`                 | hash   | up to which finished task the files were removed (see scripts/tasks/due-media.lua) |
 * | `0:work:<kind>:<id>`              | hash   | an item of due work; its sets: see scripts/parts/work/work.lua             |
 * | `0:balance:<key>`                 | hash   | what is held and was charged: `reserved:<window>`, `charged:<window>`, and with `:<customer>` of one; `opening:…`: what movements that are gone came to |
 * | `0:balance-days`                  | zset   | balances of days, by when they may go: window, key and customer            |
 * | `0:customers:<key>`               | hash   | customers with a budget of their own (JSON)                                |
 * | `0:spend-marks:<key>`             | hash   | thresholds of budgets that charges have reached; in the zset `0:mark-order:<key>` by age, those that end with their period of all keys in `0:old-marks` |
 * | `0:holds:<key>`                   | zset   | what holds money of the key, by age; the hold stands with it (`hold`)      |
 * | `0:movements:<key>`               | zset   | movements of a key by age; their JSON in the hash `0:movement-texts:…`     |
 * | `0:ledgers`                       | zset   | keys by their oldest movement                                              |
 * | `0:usage:<day>:<tenant>`          | hash   | sums of usage; its sets: see scripts/parts/money/usage.lua                 |
 * | `0:session:<id>`                  | hash   | a realtime session; its sets: see scripts/parts/sessions/sessions.lua      |
 * | `0:outbox`, `0:outbox-state`      | list, hash | domain events that wait for the sink, and the sender's state (scripts/parts/work/outbox.lua) |
 * | `0:delivery:<id>`                 | hash   | a delivery to a webhook; its sets: see scripts/parts/work/deliveries.lua   |
 * | `0:webhook-secrets:<key>`         | string | what signs the key's own webhooks (JSON)                                   |
 * | `0:endpoint:<length>:<key>:<id>`  | hash   | a webhook endpoint; those of a key by age in the zset `0:endpoints:<key>`  |
 * | `0:account:<key>`                 | hash   | a virtual key                                                              |
 * | `0:old-hashes`                    | hash   | keys by the hash of the form before a rotation, while that works           |
 * | `0:deleted-accounts`, `0:deleted-texts` | zset | deleted keys in the order of their deletion; what is left of each (hash) |
 * | `0:answer:<id>`                   | string | what a request with an idempotency key was answered: until when, fingerprint, sealed text |
 * | `0:audit-texts`, `0:audit-no`     | hash   | entries of the audit log by number, and the last number (string); their sets: see scripts/parts/keys/audit.lua |
 * | `0:ephemeral:<hash>`              | hash   | an ephemeral key, until a while after its end; the hashes of a key's by their end in the zset `0:ephemerals:<key>` |
 * | `0:closing`                       | zset   | keys whose waiting tasks are cancelled, by when they were deleted or expire |
 * | `0:accounts`, `0:hashes`          | zset   | virtual keys by age; keys by hash (hash)                                   |
 * | `0:call:<nonce>`                  | string | what a call did, for 30 s: it may come again when its answer was lost      |
 * | `0:probe`                         | string | when health last tried to write                                            |
 * | `0:unreadable`                    | string | how often something stored could not be read and was passed over           |
 * | `0:unreadable-tasks`              | zset   | tasks whose record could not be read, by when that was found; they are removed as long after it as others after their end (take one that was mended out of it) |
 * | `0:set-aside:<name>`              | any    | for 30 days, what stood under a name and could not be written to; it began anew |
 *
 * `0:` is the shard. `<tenant>` is `<length of the key>:<key>:<subject>`, the subject empty for the key itself.
 */

import type { OutboxOptions } from "../../events/outbox.ts";
import { TASK_STATUSES, TASK_TYPES } from "../../protocol/task.ts";
import { WORK_KINDS } from "../../tasks/due-work.ts";
import { MAX_DELIVERY_ATTEMPTS_KEPT } from "../../webhooks/delivery-store.ts";
import { TENANT_LOG_EVENTS, TENANT_LOG_MS } from "../event-log.ts";
import { CONTINUATION_COST, costOf, PROMOTE_LIMIT, RANKED, TURN_SPAN } from "../fair-queue.ts";
import type { DataRelease } from "../release.ts";
import { outboxConstants } from "./event-rows.ts";
import { PARTS, type ScriptName, TEXTS } from "./server/script-texts.ts";
import type { TaskFields } from "./tasks/fields.ts";

export type { ScriptName } from "./server/script-texts.ts";

/**
 * How long a call is remembered, so that it does nothing when it comes again, ms: longer than clients repeat a call whose
 * answer was lost.
 */
export const REMEMBER_MS = 30_000;
/** Characters that the names of a process's calls begin with: 62^10 make a repetition no concern. */
export const CALLER_LENGTH = 10;
/** Nodes that are marked as following one log: of more the oldest goes. */
const MAX_NODES = 64;
/** A node is written down again when it was last heard of so long ago, ms. */
const NODE_HEARD_MS = 60_000;
/**
 * After this, ms, without a word a node is gone, and the marks of what it followed end. One that was only cut off for as long
 * hears of what others do there when its rooms are next compared with the store.
 */
const NODE_GONE_MS = 3_600_000;
/** Nodes that are gone are remembered so long, ms: by then the retention has looked at every tenant. */
const NODE_FORGOTTEN_MS = 7 * 24 * 3_600_000;
/** Other keys that are looked at for a place in the queue; beyond them the place is a lower estimate. */
const MAX_COUNTED_KEYS = 100;
/** Tasks that one script changes at most: a few ten milliseconds, and fewer values than Lua can pass at once. */
export const MAX_STEP_TASKS = 1_000;
/** Tasks of one batch; what the batch route accepts is less. */
const MAX_BATCH_TASKS = 1_000;
/** What was damaged and begins anew is kept for the operator as long, ms. */
const SET_ASIDE_MS = 30 * 24 * 3_600_000;
/** Holds and movements from which a damaged balance is reckoned anew. */
const MAX_RECKONED = 5_000;
/** Destinations with due work that one claim looks at. */
const MAX_DESTINATIONS = 64;
/** Keys of one provider among which a claim for starts alone looks for one that may start a task. */
const MAX_LOOKED_AT = 64;
/** A day's balances are kept so long after it, days: those of customers, and so much longer those of keys. */
const CUSTOMER_DAYS = 32;
const LONGER_KEPT_DAYS = 30;
/** Marks of thresholds are kept so long, ms; those of the total as long as their key. */
const MARKS_MS = 62 * 24 * 3_600_000;

/** Days of a customer's usage in one hash: fewer to read and to keep than one for each day, and few enough to stay small. */
const USAGE_SPAN = 32;

const LIMITS = {
  USAGE_SPAN,
  DAY_MS: 86_400_000,
  REMEMBER_MS,
  CALLER_LENGTH,
  MAX_NODES,
  NODE_HEARD_MS,
  NODE_GONE_MS,
  NODE_FORGOTTEN_MS,
  MAX_COUNTED_KEYS,
  MAX_BATCH_TASKS,
  MAX_STEP_TASKS,
  MAX_DESTINATIONS,
  MAX_LOOKED_AT,
  SET_ASIDE_MS,
  MAX_RECKONED,
  DELIVERY_MS: WORK_KINDS.delivery.giveUpMs,
  MAX_TRIES_KEPT: MAX_DELIVERY_ATTEMPTS_KEPT,
  CUSTOMER_DAYS,
  LONGER_KEPT_DAYS,
  MARKS_MS,
  TENANT_LOG_EVENTS,
  TENANT_LOG_MS,
  PROMOTE_LIMIT,
  CONTINUATION_COST,
  TURN_SPAN,
};

/** A line that is nothing but a comment, and empty lines. */
const COMMENT = /^\s*--.*\n|^\n/gm;
/** A function or a table on the outermost level. */
const DEFINITION = /^local (?:function )?(\w+)(?: = \{.*\}|\([\s\S]*?^end)\n/gm;
/** A line of `load_task` that gives a missing field its default. */
const DEFAULT = /^ {2}f\[(T_\w+)\] = f\[\1\] or .*\n/gm;
/** A line that does something for a bound that is 0: nothing. */
const SWITCHED_OFF = /^ *if 0 > 0\b.* end\n/gm;
const CONSTANT = /\b(?:T_\w+|[A-Z][A-Z_]+)\b/g;
const WORD = /\w+/g;

const TABLES = [
  `local COST = { ${RANKED.map((_, index) => costOf(index)).join(", ")} }`,
  `local RANK = { ${RANKED.map((priority, index) => `${priority} = ${index + 1}`).join(", ")} }`,
  `local STATUS = ${numbered(TASK_STATUSES)}`,
  `local TYPE = ${numbered(TASK_TYPES)}`,
  "",
].join("\n");

type Part = keyof typeof PARTS | "task";
type Recipe = { writes: boolean | null; parts: readonly Part[] };

const reading = (...parts: Part[]): Recipe => ({ writes: false, parts });
/** Before the data has this release's shape. */
const converting = (...parts: Part[]): Recipe => ({ writes: null, parts: ["release1", ...parts] });
const writing = (...parts: Part[]): Recipe => ({ writes: true, parts: ["writes", ...parts] });

/** What a change of tasks needs: tenants, lanes, logs, and their writing. */
const CHANGES: Part[] = ["task", "tenants", "queueCounters", "flush", "events"];
const VIEWS: Part[] = ["task", "tenants", "queueCounters", "view"];
const MONEY: Part[] = ["budgets", "money"];
const CLAIMS: Part[] = [
  ...CHANGES,
  "work",
  "deliveries",
  "batches",
  "outbox",
  "startedEvent",
  "claimOrder",
  "recall",
];
const OF_SESSIONS: Part[] = [
  "work",
  "deliveries",
  "outbox",
  "sessionEvents",
  "spendEvents",
  "thresholds",
  "sessions",
];
/** In scripts of a store with a sink alone. */
const OF_OUTBOX: ReadonlySet<Part> = new Set<Part>([
  "outbox",
  "startedEvent",
  "spendEvents",
  "sessionEvents",
]);

/** What each script is made of, and whether it writes. */
const RECIPES: Record<ScriptName, Recipe> = {
  create: writing("calls", ...CHANGES, ...MONEY, "rates", "logs", "view", "outbox", "creation"),
  createBatch: writing(...CHANGES, ...MONEY, "rates", "logs", "view", "outbox", "creation", "batchClaims"),
  repeatedBatch: reading("batchClaims"),
  getBatch: reading(),
  listBatches: reading(),
  cancelBatch: writing(),
  claim: writing(...CLAIMS),
  commit: writing("calls", ...CLAIMS, ...MONEY, "usage", "spendEvents", "thresholds"),
  purge: writing("task", "scope", "work", "deliveries", "removal"),
  renew: writing(),
  due: writing("task", "events", "followFlags"),
  retire: writing(
    "task",
    "work",
    "deliveries",
    ...MONEY,
    "usage",
    "removal",
    "batches",
    "followFlags",
    "audit",
    "deletedKeys",
  ),
  setAside: writing(...CHANGES),
  pauseProvider: writing("queueCounters"),
  load: reading("task"),
  get: reading(...VIEWS, "scope"),
  repeated: reading(...VIEWS),
  list: reading(...VIEWS),
  listBatch: reading(...VIEWS, "scope"),
  dueMedia: writing(),
  heldMedia: reading(),
  nextDue: reading("tenants", "queueCounters"),
  stats: reading(),
  oldestWaiting: reading("tenants", "queueCounters"),
  follow: writing(...VIEWS, "scope", "followFlags"),
  unfollow: writing("task", "scope", "followFlags"),
  followTenant: writing("tenants", "logs", "followFlags"),
  unfollowTenant: writing("tenants", "logs", "followFlags"),
  readLog: reading("task", "scope"),
  readTenantLog: reading("task", "tenants", "logs"),
  positions: reading(),
  claimWork: writing("task", "work"),
  finishWork: writing("work", "deliveries"),
  changeWork: writing("work"),
  loadWork: reading("task", "work"),
  nextWork: reading("work"),
  balance: reading(),
  keyStanding: reading("tenants", "budgets", "rates", "thresholds"),
  customerStanding: reading("tenants", "budgets", "thresholds"),
  setCustomerBudget: writing("audit"),
  listSpendMarks: reading(),
  listHolds: reading(),
  listMovements: reading(),
  balances: reading(),
  oldMovements: reading(),
  listBalanceKeys: reading(),
  usage: reading("usageReads"),
  usageOfKeys: reading("usageReads"),
  usageOfCustomers: reading("usageReads"),
  openSession: writing("tenants", ...MONEY, "usage", "rates", ...OF_SESSIONS),
  renewSession: writing("sessions"),
  keepCall: writing("sessions"),
  moveSession: writing("sessions"),
  raiseHold: writing("tenants", ...MONEY, "usage", "rates", ...OF_SESSIONS),
  endSession: writing("tenants", ...MONEY, "usage", ...OF_SESSIONS),
  endLostSessions: writing("outbox", "sessionEvents", "sessions"),
  settleSession: writing("tenants", ...MONEY, "usage", ...OF_SESSIONS),
  getSession: reading("sessions"),
  listSessions: reading("sessions"),
  listOpenSessions: reading("sessions"),
  openDelivery: reading(),
  listDeliveries: reading("deliveries"),
  taskDeliveries: reading(),
  replayDelivery: writing("work", "deliveries"),
  countDeliveries: reading("deliveries"),
  getSecrets: reading(),
  setSecrets: writing(),
  createEndpoint: writing(),
  listEndpoints: reading(),
  updateEndpoint: writing(),
  deleteEndpoint: writing(),
  createEphemeralKey: writing(),
  getEphemeralKey: reading(),
  listEphemeralKeys: reading(),
  deleteEphemeralKey: writing(),
  createKey: writing(...CHANGES, "accounts", "audit", "keyStep"),
  updateKey: writing(...CHANGES, "accounts", "hashes", "audit", "keyStep"),
  deleteKey: writing(...CHANGES, "accounts", "hashes", "deletedKeys", "audit", "keyStep"),
  getKey: reading("hashes"),
  listKeys: reading(),
  getDeletedKey: reading(),
  listDeletedKeys: reading(),
  recallAnswer: reading("keyStep"),
  recordAudit: writing("audit"),
  listAudit: reading(),
  claimEvents: writing(),
  finishEvents: writing(),
  outboxStats: reading(),
  ping: writing(),
  countUnreadable: reading(),
  prepare: converting(),
  convertTenants: converting(),
  listFirstTasks: converting(),
  writeFirstTasks: converting("writes", ...CHANGES, ...MONEY, "work"),
  convertRest: converting(),
};

export const SCRIPT_NAMES = Object.keys(RECIPES) as ScriptName[];

/** The scripts for a table of fields and a release. Each is made when it is asked for first. */
export class Scripts {
  readonly #fields: TaskFields;
  readonly #constants: ReadonlyMap<string, string>;
  readonly #texts = new Map<ScriptName, string>();
  readonly #hasOutbox: boolean;

  constructor(fields: TaskFields, release: DataRelease, outbox: OutboxOptions | null = null) {
    this.#fields = fields;
    this.#hasOutbox = outbox !== null;
    this.#constants = new Map<string, string>([
      ...Object.entries(LIMITS).map(([name, value]) => [name, String(value)] as const),
      ...Object.entries(outboxConstants(outbox)).map(([name, value]) => [name, String(value)] as const),
      ["OWN_RELEASE", String(release.writes)],
      ["OWN_MIN_READER", String(release.minReader)],
      ...fields.names.map((name) => [`T_${name}`, String(fields.index(name))] as const),
    ]);
  }

  text(name: ScriptName): string {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const { writes, parts } = RECIPES[name];
    const check = writes === null ? [] : [writes ? PARTS.beforeWrite : PARTS.beforeRead];
    const used = parts.filter((part) => this.#hasOutbox || !OF_OUTBOX.has(part));
    const shared = used.map((part) => (part === "task" ? this.#fields.luaReader() : PARTS[part]));
    const text = this.#compact([TABLES, PARTS.base, ...check, ...shared, TEXTS[name]].join("\n"));
    this.#texts.set(name, text);
    return text;
  }

  /**
   * The script as it is sent. The server runs the whole text at every call, and to make a function or a table costs as much
   * there as a command: constants stand where they are used (within quotes as texts), and what the script does not use is left
   * out, comments first.
   */
  #compact(text: string): string {
    const code = withoutUnusedDefaults(text.replaceAll(COMMENT, ""));
    const constant = code.replaceAll(CONSTANT, (word) => this.#constants.get(word) ?? word);
    return withoutUnused(constant.replaceAll(SWITCHED_OFF, ""));
  }
}

/** Without the defaults of fields that the script does not look at. */
function withoutUnusedDefaults(code: string): string {
  const uses = counted(code);
  return code.replaceAll(DEFAULT, (line, name: string) => ((uses.get(name) ?? 0) > 2 ? line : ""));
}

function withoutUnused(code: string): string {
  const uses = counted(code);
  const left = code.replaceAll(DEFINITION, (definition, name: string) =>
    (uses.get(name) ?? 0) > (counted(definition).get(name) ?? 0) ? definition : "",
  );
  return left === code ? code : withoutUnused(left);
}

function counted(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of text.match(WORD) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function numbered(names: readonly string[]): string {
  return `{ ${names.map((name, index) => `${name} = ${index}`).join(", ")} }`;
}
