/** The one store of a deployment: everything that must change together lives in it. */

import type { AuditStore } from "../accounts/audit-store.ts";
import type { EphemeralKeyStore } from "../accounts/ephemeral/ephemeral-key-store.ts";
import type { AccountStore } from "../accounts/keys/account-store.ts";
import type { LedgerStore } from "../accounts/money/ledger-store.ts";
import type { UsageStore } from "../accounts/money/usage-store.ts";
import type { EventOutbox } from "../events/outbox.ts";
import type { SessionStore } from "../realtime/session-store.ts";
import type { BatchStore } from "../tasks/ports/batch-store.ts";
import type { TaskStore } from "../tasks/ports/task-store.ts";
import type { DeliveryStore } from "../webhooks/delivery-store.ts";
import type { EndpointStore } from "../webhooks/endpoint-store.ts";
import type { SecretStore } from "../webhooks/secret-store.ts";

export type Store = TaskStore &
  BatchStore &
  AccountStore &
  AuditStore &
  EphemeralKeyStore &
  LedgerStore &
  UsageStore &
  EndpointStore &
  SecretStore &
  DeliveryStore &
  SessionStore &
  EventOutbox;
