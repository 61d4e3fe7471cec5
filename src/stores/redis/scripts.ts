/**
 * The Lua scripts as Redis gets them: constants, then the parts a script is made of, then the script. Each script is one
 * step of the store, whole or not at all; its head says what it takes and answers.
 */

import { TASK_STATUSES, TASK_TYPES } from "../../protocol/task.ts";
import { CLEANUP_LIMIT_MS } from "../../tasks/cleanup-limit.ts";
import { MAX_TASK_BYTES } from "../../tasks/ports/store-error.ts";
import { TENANT_LOG_EVENTS, TENANT_LOG_MS } from "../event-log.ts";
import { CONTINUATION_COST, costOf, PROMOTE_LIMIT, RANKED } from "../fair-queue.ts";
import cancelText from "./scripts/cancel.lua" with { type: "text" };
import claimText from "./scripts/claim.lua" with { type: "text" };
import claimCleanupsText from "./scripts/claim-cleanups.lua" with { type: "text" };
import completeText from "./scripts/complete.lua" with { type: "text" };
import createText from "./scripts/create.lua" with { type: "text" };
import createKeyText from "./scripts/create-key.lua" with { type: "text" };
import deleteKeyText from "./scripts/delete-key.lua" with { type: "text" };
import failText from "./scripts/fail.lua" with { type: "text" };
import finishCleanupText from "./scripts/finish-cleanup.lua" with { type: "text" };
import followText from "./scripts/follow.lua" with { type: "text" };
import followTenantText from "./scripts/follow-tenant.lua" with { type: "text" };
import getText from "./scripts/get.lua" with { type: "text" };
import getKeyText from "./scripts/get-key.lua" with { type: "text" };
import heldMediaText from "./scripts/held-media.lua" with { type: "text" };
import listText from "./scripts/list.lua" with { type: "text" };
import listBatchText from "./scripts/list-batch.lua" with { type: "text" };
import listKeysText from "./scripts/list-keys.lua" with { type: "text" };
import nextCleanupText from "./scripts/next-cleanup.lua" with { type: "text" };
import nextDueText from "./scripts/next-due.lua" with { type: "text" };
import accountsPart from "./scripts/parts/accounts.lua" with { type: "text" };
import basePart from "./scripts/parts/base.lua" with { type: "text" };
import claimPart from "./scripts/parts/claim.lua" with { type: "text" };
import cleanupPart from "./scripts/parts/cleanup.lua" with { type: "text" };
import commitPart from "./scripts/parts/commit.lua" with { type: "text" };
import endsPart from "./scripts/parts/ends.lua" with { type: "text" };
import lanesPart from "./scripts/parts/lanes.lua" with { type: "text" };
import linesPart from "./scripts/parts/lines.lua" with { type: "text" };
import logsPart from "./scripts/parts/logs.lua" with { type: "text" };
import marksPart from "./scripts/parts/marks.lua" with { type: "text" };
import overrulePart from "./scripts/parts/overrule.lua" with { type: "text" };
import readPart from "./scripts/parts/read.lua" with { type: "text" };
import recallPart from "./scripts/parts/recall.lua" with { type: "text" };
import removalPart from "./scripts/parts/removal.lua" with { type: "text" };
import runManyPart from "./scripts/parts/run-many.lua" with { type: "text" };
import scopePart from "./scripts/parts/scope.lua" with { type: "text" };
import settlementPart from "./scripts/parts/settlement.lua" with { type: "text" };
import stepPart from "./scripts/parts/step.lua" with { type: "text" };
import taskPart from "./scripts/parts/task.lua" with { type: "text" };
import tenantsPart from "./scripts/parts/tenants.lua" with { type: "text" };
import viewPart from "./scripts/parts/view.lua" with { type: "text" };
import writePart from "./scripts/parts/write.lua" with { type: "text" };
import writeManyPart from "./scripts/parts/write-many.lua" with { type: "text" };
import pendText from "./scripts/pend.lua" with { type: "text" };
import pingText from "./scripts/ping.lua" with { type: "text" };
import positionsText from "./scripts/positions.lua" with { type: "text" };
import progressText from "./scripts/progress.lua" with { type: "text" };
import purgeText from "./scripts/purge.lua" with { type: "text" };
import readLogText from "./scripts/read-log.lua" with { type: "text" };
import readTenantLogText from "./scripts/read-tenant-log.lua" with { type: "text" };
import releaseText from "./scripts/release.lua" with { type: "text" };
import renewText from "./scripts/renew.lua" with { type: "text" };
import reportLateText from "./scripts/report-late.lua" with { type: "text" };
import retireText from "./scripts/retire.lua" with { type: "text" };
import retryText from "./scripts/retry.lua" with { type: "text" };
import saveText from "./scripts/save.lua" with { type: "text" };
import statsText from "./scripts/stats.lua" with { type: "text" };
import sweepText from "./scripts/sweep.lua" with { type: "text" };
import unfollowText from "./scripts/unfollow.lua" with { type: "text" };
import unfollowTenantText from "./scripts/unfollow-tenant.lua" with { type: "text" };
import updateKeyText from "./scripts/update-key.lua" with { type: "text" };

/** The schema this release writes. A later one is refused; an earlier one does not exist yet. */
export const SCHEMA_VERSION = 1;
/**
 * How long a call is remembered, so that it does nothing when it comes again, ms: longer than clients repeat a call whose
 * answer was lost.
 */
export const REMEMBER_MS = 30_000;
/** Nodes that are marked as following one log; those of dead processes are never taken away, so the oldest goes. */
const MAX_NODES = 64;
/** Other keys that are looked at for a place in the queue; beyond them the place is a lower estimate. */
const MAX_COUNTED_KEYS = 100;
/** Tasks that one script changes at most: a few ten milliseconds, and fewer values than Lua can pass at once. */
const MAX_STEP_TASKS = 1_000;
/** Tasks of one batch; what the batch route accepts is less. */
const MAX_BATCH_TASKS = 1_000;

const constants = {
  SCHEMA_VERSION,
  REMEMBER_MS,
  MAX_NODES,
  MAX_COUNTED_KEYS,
  MAX_BATCH_TASKS,
  MAX_STEP_TASKS,
  MAX_TASK_BYTES,
  TENANT_LOG_EVENTS,
  TENANT_LOG_MS,
  CLEANUP_LIMIT_MS,
  PROMOTE_LIMIT,
  CONTINUATION_COST,
};

/** A line that is nothing but a comment, and empty lines. */
const COMMENT = /^\s*--.*\n|^\n/gm;
/** A function or a table on the outermost level. */
const DEFINITION = /^local (?:function )?(\w+)(?: = \{.*\}|\([\s\S]*?^end)\n/gm;

const PRELUDE = [
  `local COST = { ${RANKED.map((_, index) => costOf(index)).join(", ")} }`,
  `local STATUS = ${numbered(TASK_STATUSES)}`,
  `local TYPE = ${numbered(TASK_TYPES)}`,
  "",
].join("\n");

/** Finding tasks, logs and counters. */
const TASKS = [taskPart, tenantsPart];
/** Changing where tasks stand. */
const CHANGES = [...TASKS, lanesPart, commitPart];
const CREATION = [...CHANGES, logsPart, viewPart];
const CLAIMS = [...CHANGES, claimPart, recallPart];
const STEPS = [...CLAIMS, stepPart];
const COMPLETION = [...CLAIMS, endsPart];
const ENDS = [...CHANGES, endsPart, cleanupPart, overrulePart, recallPart];

/** What each script is made of, and whether it writes. */
export const SCRIPTS = {
  create: writing(...CREATION, createText),
  createMany: writingMany(CREATION, createText),
  claim: writing(...CLAIMS, claimText),
  progress: writing(...STEPS, progressText),
  save: writing(...STEPS, saveText),
  pend: writing(...STEPS, pendText),
  retry: writing(...STEPS, retryText),
  release: writing(...STEPS, releaseText),
  complete: writing(...COMPLETION, stepPart, completeText),
  completeMany: writingMany(COMPLETION, stepPart + completeText),
  fail: writing(...STEPS, endsPart, cleanupPart, failText),
  cancel: writing(...ENDS, scopePart, cancelText),
  purge: writing(...TASKS, scopePart, removalPart, purgeText),
  renew: writing(taskPart, linesPart, renewText),
  sweep: writing(...ENDS, settlementPart, sweepText),
  claimCleanups: writing(taskPart, claimCleanupsText),
  finishCleanup: writing(...CHANGES, settlementPart, finishCleanupText),
  reportLate: writing(reportLateText),
  follow: writing(...TASKS, lanesPart, scopePart, viewPart, marksPart, followText),
  unfollow: writing(taskPart, scopePart, marksPart, unfollowText),
  followTenant: writing(...TASKS, logsPart, marksPart, followTenantText),
  unfollowTenant: writing(...TASKS, logsPart, marksPart, unfollowTenantText),
  retire: writing(...TASKS, linesPart, removalPart, retireText),
  createKey: writing(...CHANGES, accountsPart, createKeyText),
  updateKey: writing(...CHANGES, accountsPart, updateKeyText),
  deleteKey: writing(...CHANGES, accountsPart, deleteKeyText),
  get: reading(...TASKS, lanesPart, scopePart, viewPart, getText),
  list: reading(...TASKS, lanesPart, linesPart, viewPart, listText),
  listBatch: reading(...TASKS, lanesPart, scopePart, viewPart, listBatchText),
  readLog: reading(taskPart, scopePart, readLogText),
  readTenantLog: reading(...TASKS, logsPart, readTenantLogText),
  positions: reading(positionsText),
  heldMedia: reading(taskPart, heldMediaText),
  nextDue: reading(nextDueText),
  nextCleanup: reading(nextCleanupText),
  stats: reading(statsText),
  getKey: reading(getKeyText),
  listKeys: reading(listKeysText),
  ping: reading(pingText),
};

export type ScriptName = keyof typeof SCRIPTS;

/** The script that makes several calls of another one at once. */
export const MANY: Partial<Record<ScriptName, ScriptName>> = {
  create: "createMany",
  complete: "completeMany",
};

function writing(...parts: string[]): string {
  return compact([PRELUDE, basePart, writePart, ...parts].join("\n"));
}

/** `one` makes the call at hand. Each of several calls is made as if it were alone, one after the other. */
function writingMany(parts: readonly string[], one: string): string {
  const body = `local function one()\n${one}end\n`;
  return compact([PRELUDE, basePart, writeManyPart, ...parts, body, runManyPart].join("\n"));
}

function reading(...parts: string[]): string {
  return compact([PRELUDE, basePart, readPart, ...parts].join("\n"));
}

/**
 * The script as it is sent. The server runs the whole text at every call, and to make a function or a table costs as much
 * there as a command: constants stand where they are used (within quotes as texts), and what the script does not use is left
 * out, comments first.
 */
function compact(text: string): string {
  const code = Object.entries(constants).reduce(
    (code, [name, value]) => code.replaceAll(new RegExp(`\\b${name}\\b`, "g"), String(value)),
    text.replaceAll(COMMENT, ""),
  );
  return withoutUnused(code);
}

function withoutUnused(code: string): string {
  const words = code.match(/\w+/g) ?? [];
  const left = code.replaceAll(DEFINITION, (definition, name: string) => {
    const uses = (text: readonly string[]) => text.filter((word) => word === name).length;
    return uses(words) > uses(definition.match(/\w+/g) ?? []) ? definition : "";
  });
  return left === code ? code : withoutUnused(left);
}

function numbered(names: readonly string[]): string {
  return `{ ${names.map((name, index) => `${name} = ${index}`).join(", ")} }`;
}
