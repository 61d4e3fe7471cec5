/** The texts of the Lua scripts, and of the parts they share. */

import listAuditText from "../scripts/audit/list-audit.lua" with { type: "text" };
import recordAuditText from "../scripts/audit/record-audit.lua" with { type: "text" };
import batchClaimsPart from "../scripts/batches/batch-claims.lua" with { type: "text" };
import batchesPart from "../scripts/batches/batch-counts.lua" with { type: "text" };
import cancelBatchText from "../scripts/batches/cancel-batch.lua" with { type: "text" };
import createBatchText from "../scripts/batches/create-batch.lua" with { type: "text" };
import getBatchText from "../scripts/batches/get-batch.lua" with { type: "text" };
import listBatchesText from "../scripts/batches/list-batches.lua" with { type: "text" };
import repeatedBatchText from "../scripts/batches/repeated-batch.lua" with { type: "text" };
import countUnreadableText from "../scripts/data/count-unreadable.lua" with { type: "text" };
import pingText from "../scripts/data/ping.lua" with { type: "text" };
import prepareText from "../scripts/data/prepare.lua" with { type: "text" };
import countDeliveriesText from "../scripts/deliveries/count-deliveries.lua" with { type: "text" };
import getSecretsText from "../scripts/deliveries/get-secrets.lua" with { type: "text" };
import listDeliveriesText from "../scripts/deliveries/list-deliveries.lua" with { type: "text" };
import openDeliveryText from "../scripts/deliveries/open-delivery.lua" with { type: "text" };
import replayDeliveryText from "../scripts/deliveries/replay-delivery.lua" with { type: "text" };
import setSecretsText from "../scripts/deliveries/set-secrets.lua" with { type: "text" };
import taskDeliveriesText from "../scripts/deliveries/task-deliveries.lua" with { type: "text" };
import createEndpointText from "../scripts/endpoints/create-endpoint.lua" with { type: "text" };
import deleteEndpointText from "../scripts/endpoints/delete-endpoint.lua" with { type: "text" };
import listEndpointsText from "../scripts/endpoints/list-endpoints.lua" with { type: "text" };
import updateEndpointText from "../scripts/endpoints/update-endpoint.lua" with { type: "text" };
import createEphemeralKeyText from "../scripts/keys/create-ephemeral-key.lua" with { type: "text" };
import createKeyText from "../scripts/keys/create-key.lua" with { type: "text" };
import deleteEphemeralKeyText from "../scripts/keys/delete-ephemeral-key.lua" with { type: "text" };
import deleteKeyText from "../scripts/keys/delete-key.lua" with { type: "text" };
import getDeletedKeyText from "../scripts/keys/get-deleted-key.lua" with { type: "text" };
import getEphemeralKeyText from "../scripts/keys/get-ephemeral-key.lua" with { type: "text" };
import getKeyText from "../scripts/keys/get-key.lua" with { type: "text" };
import listDeletedKeysText from "../scripts/keys/list-deleted-keys.lua" with { type: "text" };
import listEphemeralKeysText from "../scripts/keys/list-ephemeral-keys.lua" with { type: "text" };
import listKeysText from "../scripts/keys/list-keys.lua" with { type: "text" };
import recallAnswerText from "../scripts/keys/recall-answer.lua" with { type: "text" };
import updateKeyText from "../scripts/keys/update-key.lua" with { type: "text" };
import followText from "../scripts/logs/follow.lua" with { type: "text" };
import followTenantText from "../scripts/logs/follow-tenant.lua" with { type: "text" };
import positionsText from "../scripts/logs/positions.lua" with { type: "text" };
import readLogText from "../scripts/logs/read-log.lua" with { type: "text" };
import readTenantLogText from "../scripts/logs/read-tenant-log.lua" with { type: "text" };
import unfollowText from "../scripts/logs/unfollow.lua" with { type: "text" };
import unfollowTenantText from "../scripts/logs/unfollow-tenant.lua" with { type: "text" };
import balanceText from "../scripts/money/balance.lua" with { type: "text" };
import balancesText from "../scripts/money/balances.lua" with { type: "text" };
import customerStandingText from "../scripts/money/customer-standing.lua" with { type: "text" };
import keyStandingText from "../scripts/money/key-standing.lua" with { type: "text" };
import listBalanceKeysText from "../scripts/money/list-balance-keys.lua" with { type: "text" };
import listHoldsText from "../scripts/money/list-holds.lua" with { type: "text" };
import listMovementsText from "../scripts/money/list-movements.lua" with { type: "text" };
import listSpendMarksText from "../scripts/money/list-spend-marks.lua" with { type: "text" };
import oldMovementsText from "../scripts/money/old-movements.lua" with { type: "text" };
import setCustomerBudgetText from "../scripts/money/set-customer-budget.lua" with { type: "text" };
import claimEventsText from "../scripts/outbox/claim-events.lua" with { type: "text" };
import finishEventsText from "../scripts/outbox/finish-events.lua" with { type: "text" };
import outboxStatsText from "../scripts/outbox/outbox-stats.lua" with { type: "text" };
import basePart from "../scripts/parts/base.lua" with { type: "text" };
import beforeReadPart from "../scripts/parts/before-read.lua" with { type: "text" };
import beforeWritePart from "../scripts/parts/before-write.lua" with { type: "text" };
import callsPart from "../scripts/parts/calls.lua" with { type: "text" };
import eventsPart from "../scripts/parts/events.lua" with { type: "text" };
import flushPart from "../scripts/parts/flush.lua" with { type: "text" };
import followFlagsPart from "../scripts/parts/follow-flags.lua" with { type: "text" };
import hashesPart from "../scripts/parts/hashes.lua" with { type: "text" };
import accountsPart from "../scripts/parts/keys/accounts.lua" with { type: "text" };
import auditPart from "../scripts/parts/keys/audit.lua" with { type: "text" };
import deletedKeysPart from "../scripts/parts/keys/deleted-keys.lua" with { type: "text" };
import keyStepPart from "../scripts/parts/keys/key-step.lua" with { type: "text" };
import recallPart from "../scripts/parts/keys/recall.lua" with { type: "text" };
import logsPart from "../scripts/parts/logs.lua" with { type: "text" };
import budgetsPart from "../scripts/parts/money/budgets.lua" with { type: "text" };
import moneyPart from "../scripts/parts/money/money.lua" with { type: "text" };
import ratesPart from "../scripts/parts/money/rates.lua" with { type: "text" };
import spendEventsPart from "../scripts/parts/money/spend-events.lua" with { type: "text" };
import thresholdsPart from "../scripts/parts/money/thresholds.lua" with { type: "text" };
import usagePart from "../scripts/parts/money/usage.lua" with { type: "text" };
import usageReadsPart from "../scripts/parts/money/usage-reads.lua" with { type: "text" };
import release1Part from "../scripts/parts/release-1.lua" with { type: "text" };
import removalPart from "../scripts/parts/removal.lua" with { type: "text" };
import scopePart from "../scripts/parts/scope.lua" with { type: "text" };
import sessionEventsPart from "../scripts/parts/sessions/session-events.lua" with { type: "text" };
import sessionsPart from "../scripts/parts/sessions/sessions.lua" with { type: "text" };
import claimOrderPart from "../scripts/parts/tasks/claim-order.lua" with { type: "text" };
import creationPart from "../scripts/parts/tasks/creation.lua" with { type: "text" };
import queueCountersPart from "../scripts/parts/tasks/queue-counters.lua" with { type: "text" };
import startedEventPart from "../scripts/parts/tasks/started-event.lua" with { type: "text" };
import viewPart from "../scripts/parts/tasks/view.lua" with { type: "text" };
import tenantsPart from "../scripts/parts/tenants.lua" with { type: "text" };
import deliveriesPart from "../scripts/parts/work/deliveries.lua" with { type: "text" };
import outboxPart from "../scripts/parts/work/outbox.lua" with { type: "text" };
import workPart from "../scripts/parts/work/work.lua" with { type: "text" };
import writesPart from "../scripts/parts/writes.lua" with { type: "text" };
import convertRestText from "../scripts/release-1/convert-rest.lua" with { type: "text" };
import convertTenantsText from "../scripts/release-1/convert-tenants.lua" with { type: "text" };
import listFirstTasksText from "../scripts/release-1/list-first-tasks.lua" with { type: "text" };
import writeFirstTasksText from "../scripts/release-1/write-first-tasks.lua" with { type: "text" };
import endLostSessionsText from "../scripts/sessions/end-lost-sessions.lua" with { type: "text" };
import endSessionText from "../scripts/sessions/end-session.lua" with { type: "text" };
import getSessionText from "../scripts/sessions/get-session.lua" with { type: "text" };
import keepCallText from "../scripts/sessions/keep-call.lua" with { type: "text" };
import listOpenSessionsText from "../scripts/sessions/list-open-sessions.lua" with { type: "text" };
import listSessionsText from "../scripts/sessions/list-sessions.lua" with { type: "text" };
import moveSessionText from "../scripts/sessions/move-session.lua" with { type: "text" };
import openSessionText from "../scripts/sessions/open-session.lua" with { type: "text" };
import raiseHoldText from "../scripts/sessions/raise-hold.lua" with { type: "text" };
import renewSessionText from "../scripts/sessions/renew-session.lua" with { type: "text" };
import settleSessionText from "../scripts/sessions/settle-session.lua" with { type: "text" };
import claimText from "../scripts/tasks/claim.lua" with { type: "text" };
import commitText from "../scripts/tasks/commit.lua" with { type: "text" };
import createText from "../scripts/tasks/create.lua" with { type: "text" };
import dueText from "../scripts/tasks/due.lua" with { type: "text" };
import dueMediaText from "../scripts/tasks/due-media.lua" with { type: "text" };
import getText from "../scripts/tasks/get.lua" with { type: "text" };
import heldMediaText from "../scripts/tasks/held-media.lua" with { type: "text" };
import listText from "../scripts/tasks/list.lua" with { type: "text" };
import listBatchText from "../scripts/tasks/list-batch.lua" with { type: "text" };
import loadText from "../scripts/tasks/load.lua" with { type: "text" };
import nextDueText from "../scripts/tasks/next-due.lua" with { type: "text" };
import oldestWaitingText from "../scripts/tasks/oldest-waiting.lua" with { type: "text" };
import pauseProviderText from "../scripts/tasks/pause-provider.lua" with { type: "text" };
import purgeText from "../scripts/tasks/purge.lua" with { type: "text" };
import renewText from "../scripts/tasks/renew.lua" with { type: "text" };
import repeatedText from "../scripts/tasks/repeated.lua" with { type: "text" };
import retireText from "../scripts/tasks/retire.lua" with { type: "text" };
import setAsideText from "../scripts/tasks/set-aside.lua" with { type: "text" };
import statsText from "../scripts/tasks/stats.lua" with { type: "text" };
import usageText from "../scripts/usage/usage.lua" with { type: "text" };
import usageOfCustomersText from "../scripts/usage/usage-of-customers.lua" with { type: "text" };
import usageOfKeysText from "../scripts/usage/usage-of-keys.lua" with { type: "text" };
import changeWorkText from "../scripts/work/change-work.lua" with { type: "text" };
import claimWorkText from "../scripts/work/claim-work.lua" with { type: "text" };
import finishWorkText from "../scripts/work/finish-work.lua" with { type: "text" };
import loadWorkText from "../scripts/work/load-work.lua" with { type: "text" };
import nextWorkText from "../scripts/work/next-work.lua" with { type: "text" };

export const PARTS = {
  accounts: accountsPart,
  audit: auditPart,
  base: basePart,
  batchClaims: batchClaimsPart,
  batches: batchesPart,
  budgets: budgetsPart,
  calls: callsPart,
  claimOrder: claimOrderPart,
  creation: creationPart,
  deliveries: deliveriesPart,
  deletedKeys: deletedKeysPart,
  events: eventsPart,
  flush: flushPart,
  followFlags: followFlagsPart,
  queueCounters: queueCountersPart,
  hashes: hashesPart,
  keyStep: keyStepPart,
  logs: logsPart,
  money: moneyPart,
  outbox: outboxPart,
  usage: usagePart,
  usageReads: usageReadsPart,
  beforeRead: beforeReadPart,
  rates: ratesPart,
  recall: recallPart,
  release1: release1Part,
  removal: removalPart,
  scope: scopePart,
  sessions: sessionsPart,
  sessionEvents: sessionEventsPart,
  spendEvents: spendEventsPart,
  startedEvent: startedEventPart,
  tenants: tenantsPart,
  thresholds: thresholdsPart,
  view: viewPart,
  work: workPart,
  beforeWrite: beforeWritePart,
  writes: writesPart,
};

export const TEXTS = {
  cancelBatch: cancelBatchText,
  createBatch: createBatchText,
  getBatch: getBatchText,
  listBatches: listBatchesText,
  repeatedBatch: repeatedBatchText,
  countUnreadable: countUnreadableText,
  ping: pingText,
  prepare: prepareText,
  countDeliveries: countDeliveriesText,
  getSecrets: getSecretsText,
  listDeliveries: listDeliveriesText,
  openDelivery: openDeliveryText,
  replayDelivery: replayDeliveryText,
  setSecrets: setSecretsText,
  taskDeliveries: taskDeliveriesText,
  createEndpoint: createEndpointText,
  deleteEndpoint: deleteEndpointText,
  listEndpoints: listEndpointsText,
  updateEndpoint: updateEndpointText,
  createEphemeralKey: createEphemeralKeyText,
  getEphemeralKey: getEphemeralKeyText,
  listEphemeralKeys: listEphemeralKeysText,
  deleteEphemeralKey: deleteEphemeralKeyText,
  createKey: createKeyText,
  deleteKey: deleteKeyText,
  getKey: getKeyText,
  listKeys: listKeysText,
  getDeletedKey: getDeletedKeyText,
  listDeletedKeys: listDeletedKeysText,
  recallAnswer: recallAnswerText,
  recordAudit: recordAuditText,
  listAudit: listAuditText,
  updateKey: updateKeyText,
  followTenant: followTenantText,
  follow: followText,
  positions: positionsText,
  readLog: readLogText,
  readTenantLog: readTenantLogText,
  unfollowTenant: unfollowTenantText,
  unfollow: unfollowText,
  balance: balanceText,
  keyStanding: keyStandingText,
  customerStanding: customerStandingText,
  setCustomerBudget: setCustomerBudgetText,
  listSpendMarks: listSpendMarksText,
  listHolds: listHoldsText,
  listMovements: listMovementsText,
  balances: balancesText,
  oldMovements: oldMovementsText,
  listBalanceKeys: listBalanceKeysText,
  usage: usageText,
  usageOfKeys: usageOfKeysText,
  usageOfCustomers: usageOfCustomersText,
  convertRest: convertRestText,
  convertTenants: convertTenantsText,
  listFirstTasks: listFirstTasksText,
  writeFirstTasks: writeFirstTasksText,
  claimEvents: claimEventsText,
  finishEvents: finishEventsText,
  outboxStats: outboxStatsText,
  endLostSessions: endLostSessionsText,
  endSession: endSessionText,
  getSession: getSessionText,
  listSessions: listSessionsText,
  listOpenSessions: listOpenSessionsText,
  keepCall: keepCallText,
  moveSession: moveSessionText,
  raiseHold: raiseHoldText,
  openSession: openSessionText,
  renewSession: renewSessionText,
  settleSession: settleSessionText,
  claim: claimText,
  commit: commitText,
  create: createText,
  due: dueText,
  get: getText,
  dueMedia: dueMediaText,
  heldMedia: heldMediaText,
  listBatch: listBatchText,
  list: listText,
  load: loadText,
  nextDue: nextDueText,
  pauseProvider: pauseProviderText,
  purge: purgeText,
  renew: renewText,
  repeated: repeatedText,
  retire: retireText,
  setAside: setAsideText,
  oldestWaiting: oldestWaitingText,
  stats: statsText,
  changeWork: changeWorkText,
  claimWork: claimWorkText,
  finishWork: finishWorkText,
  loadWork: loadWorkText,
  nextWork: nextWorkText,
};

/** A script's own text, by its name. */
export type ScriptName = keyof typeof TEXTS;
