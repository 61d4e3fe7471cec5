/** The webhooks of a host, made once for its engine and its application. */

import type { Settings } from "../config/load.ts";
import { createGuardedFetch } from "../fetch/guarded-fetch.ts";
import type { TargetPolicy } from "../fetch/target-guard.ts";
import type { Transport } from "../fetch/transport.ts";
import type { Store } from "../stores/store.ts";
import type { WorkHandler } from "../tasks/engine/due-work/runner.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Log } from "../tasks/ports/log.ts";
import { createDeliveryWork } from "../webhooks/delivery-work.ts";
import { WebhookEndpoints } from "../webhooks/endpoints.ts";
import { KeySecrets } from "../webhooks/secrets.ts";
import { createWireContext, webhookTargets } from "./options.ts";
import { WebhookMetrics } from "./webhook-metrics.ts";

export type Webhooks = {
  /** Where webhooks may go. */
  readonly targets: TargetPolicy;
  /** Sends what is due. */
  readonly sender: WorkHandler;
  readonly endpoints: WebhookEndpoints;
  readonly secrets: KeySecrets;
  /** What this process has sent. */
  readonly tries: WebhookMetrics;
};

export type WebhooksDependencies = {
  settings: Settings;
  store: Store;
  transport: Transport;
  clock: Clock;
  log: Log;
  /** Deliveries that are sent at once. */
  maxOpen: number;
};

export function createWebhooks(dependencies: WebhooksDependencies): Webhooks {
  const { settings, store, transport, clock, log, maxOpen } = dependencies;
  const targets = webhookTargets(settings);
  const fetch = createGuardedFetch(transport, clock, targets);
  const secrets = new KeySecrets(store, clock);
  const tries = new WebhookMetrics();
  const wireContext = createWireContext(settings, clock);
  return {
    targets,
    secrets,
    tries,
    endpoints: new WebhookEndpoints({ store, fetch, targets, clock }),
    sender: createDeliveryWork({
      store,
      secrets,
      fetch,
      wireContext,
      clock,
      log,
      maxOpen,
      tried: (outcome) => tries.note(outcome),
    }),
  };
}
