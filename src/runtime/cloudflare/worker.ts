/**
 * The Worker: the same application on Cloudflare. It answers requests, takes the queue's rings and the cron's; what has
 * to remember or to wait lives in the Durable Objects exported here.
 */

import type { ExecutionContext, ScheduledController } from "@cloudflare/workers-types";
import { closedApp } from "../../compose/closed-app.ts";
import { runSchedule } from "../../compose/schedule.ts";
import { ConfigError } from "../../config/load.ts";
import { createEdgeApp, type EdgeApp } from "./app.ts";
import type { Bindings } from "./bindings.ts";
import { partsOf, workerLog } from "./parts.ts";

export { HubShard } from "./objects/hub-shard.ts";
export { MediaObject } from "./objects/media-object.ts";
export { RealtimeSession } from "./objects/realtime-session.ts";
export { StepRunner } from "./objects/step-runner.ts";
export { StoreObject } from "./objects/store-object.ts";
export { TaskRoom } from "./objects/task-room.ts";

/** An isolate keeps its bindings for life, and with them the application. */
const apps = new WeakMap<Bindings, EdgeApp>();

export default {
  fetch(request: Request, bindings: Bindings): Response | Promise<Response> {
    let app = apps.get(bindings);
    if (app === undefined) {
      app = createApp(bindings);
      apps.set(bindings, app);
    }
    return app.fetch(request);
  },

  async scheduled({ cron }: ScheduledController, bindings: Bindings, _ctx: ExecutionContext): Promise<void> {
    await runSchedule(cron, partsOf(bindings));
  },
};

function createApp(bindings: Bindings): EdgeApp {
  try {
    const parts = partsOf(bindings);
    const { bootstrap, admin } = parts.settings.keys;
    const reason = missingSecrets(bootstrap, admin);
    return reason === null ? createEdgeApp(parts, bindings) : closedApp(reason, workerLog);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return closedApp(whyClosed(error), workerLog);
  }
}

/** Which settings are wrong and what was expected; what came stays in the log. */
function whyClosed({ problems }: ConfigError): string {
  const faults = problems.map(({ name, expected }) => `${name}: expected ${expected}`);
  return `This gateway's configuration is wrong. ${faults.join("; ")}.`;
}

/** What a new deployment answers until its keys are set; null when they are. */
function missingSecrets(bootstrap: string | null, admin: string | null): string | null {
  const missing = [
    ...(bootstrap === null ? ["CONDUIT_BOOTSTRAP_KEY"] : []),
    ...(admin === null ? ["CONDUIT_ADMIN_KEY"] : []),
  ];
  if (missing.length === 0) return null;
  const commands = missing.map((name) => `\`npx wrangler secret put ${name}\``).join(" and ");
  return `This gateway has no keys yet. Set them with ${commands}.`;
}
