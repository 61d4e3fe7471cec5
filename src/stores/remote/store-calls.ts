/** What the store's Durable Object and its callers agree on: the methods, and how errors travel as values. */

import { DuplicateKeyError } from "../../accounts/keys/account-store.ts";
import {
  StoredValueTooLargeError,
  StoreUnavailableError,
  type UnavailableReason,
} from "../../tasks/ports/store-error.ts";
import type { Store } from "../store.ts";

/** What can be called; closing is the object's own business. */
export type StoreMethod = Exclude<keyof Store, "close">;

/**
 * Every method, and whether it may be called again after an answer that was lost: `again` where the second call
 * changes nothing more and answers as well as the first, `once` where its answer would say something else. Those are
 * tried again by their callers, who know what to make of it, or by the next sweep.
 */
const REPETITION = {
  // The draft's id makes it one task.
  create: "again",
  repeated: "again",
  get: "again",
  list: "again",
  // The draft's id makes it one batch.
  createBatch: "again",
  repeatedBatch: "again",
  getBatch: "again",
  listBatches: "again",
  cancelBatch: "again",
  // What the lost answer claimed comes back when its leases end; another call would only add to it.
  claim: "once",
  renew: "again",
  advance: "once",
  nextDueIn: "again",
  // The same pause from a moment later on: no shorter one takes its place.
  pauseProvider: "again",
  // Its second answer says that there was nothing to bring forward, and whoever gave the hint gives it again.
  hint: "once",
  cancel: "again",
  purge: "once",
  sweep: "once",
  claimWork: "once",
  // Its second answer says that the item was finished by somebody else.
  finishWork: "once",
  nextWorkIn: "again",
  reportLate: "again",
  follow: "again",
  unfollow: "again",
  followTenant: "again",
  unfollowTenant: "again",
  readLog: "again",
  readTenantLog: "again",
  positions: "again",
  tenantPosition: "again",
  // Its answer names the tasks whose files are to be removed.
  retire: "once",
  // What was answered is answered again until its receipt comes.
  dueMedia: "again",
  unreferencedMedia: "again",
  stats: "again",
  oldestWaitingMs: "again",
  countUnreadable: "again",
  ping: "again",
  findKeyByHash: "again",
  getKey: "again",
  listKeys: "again",
  createKey: "once",
  // It raises the revision and is told in the audit log each time.
  updateKey: "once",
  deleteKey: "once",
  getDeletedKey: "again",
  listDeletedKeys: "again",
  recallAnswer: "again",
  // Its second call would write a second entry.
  recordAudit: "once",
  listAudit: "again",
  // The hash of the plain key makes it one.
  createEphemeralKey: "again",
  findEphemeralKey: "again",
  listEphemeralKeys: "again",
  // Its second answer says that there is none.
  deleteEphemeralKey: "once",
  keyStanding: "again",
  customerStanding: "again",
  setCustomerBudget: "again",
  listSpendMarks: "again",
  balance: "again",
  listHolds: "again",
  listMovements: "again",
  listBalanceKeys: "again",
  checkBalances: "again",
  usage: "again",
  usageOfKeys: "again",
  usageOfCustomers: "again",
  // The endpoint's id makes it one.
  createEndpoint: "again",
  getEndpoint: "again",
  listEndpoints: "again",
  updateEndpoint: "again",
  deleteEndpoint: "once",
  signingSecrets: "again",
  // Its second answer says that the secret is another one already.
  setSigningSecrets: "once",
  openDelivery: "again",
  listDeliveries: "again",
  taskDeliveries: "again",
  replayDelivery: "again",
  countDeliveries: "again",
  // The session's id makes it one.
  openSession: "again",
  renewSession: "again",
  endSession: "once",
  // Its answer names the sessions that are to be settled; those of a lost answer come again.
  endLostSessions: "once",
  settleSession: "once",
  getSession: "again",
  listSessions: "again",
  keepCall: "again",
  moveSession: "again",
  raiseHold: "again",
  listOpenSessions: "again",
  findSession: "again",
  // What a lost answer handed out comes again when its lease ends; another call finds it held.
  claimEvents: "once",
  // Its second answer says that the batch was finished by somebody else.
  finishEvents: "once",
  outboxStats: "again",
} as const satisfies Record<StoreMethod, "again" | "once">;

export const STORE_METHODS = Object.keys(REPETITION) as readonly StoreMethod[];

export function isStoreMethod(name: string): name is StoreMethod {
  return Object.hasOwn(REPETITION, name);
}

export function isRepeatable(method: StoreMethod): boolean {
  return REPETITION[method] === "again";
}

/** What a call answers. Errors are values: a thrown one loses its class, its fields and its stack on the way. */
export type StoreAnswer = { ok: true; value: unknown } | { ok: false; failure: StoreFailure };

export type StoreFailure =
  | { kind: "unavailable"; reason: UnavailableReason; message: string }
  | { kind: "too_large"; what: "task" | "event" | "state"; bytes: number; maxBytes: number }
  | { kind: "duplicate_key"; message: string }
  | { kind: "type"; message: string }
  | { kind: "other"; message: string };

export function failureOf(error: unknown): StoreFailure {
  if (error instanceof StoreUnavailableError)
    return { kind: "unavailable", reason: error.reason, message: error.message };
  if (error instanceof StoredValueTooLargeError) {
    const { what, bytes, maxBytes } = error;
    return { kind: "too_large", what, bytes, maxBytes };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DuplicateKeyError) return { kind: "duplicate_key", message };
  return { kind: error instanceof TypeError ? "type" : "other", message };
}

export function errorOf(failure: StoreFailure): Error {
  switch (failure.kind) {
    case "unavailable":
      return new StoreUnavailableError(failure.reason, failure.message);
    case "too_large":
      return new StoredValueTooLargeError(failure.what, failure.bytes, failure.maxBytes);
    case "duplicate_key":
      return new DuplicateKeyError(failure.message);
    case "type":
      return new TypeError(failure.message);
    case "other":
      return new Error(failure.message);
  }
}
