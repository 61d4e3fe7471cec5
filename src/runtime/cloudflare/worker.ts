/**
 * The Worker: the same application on Cloudflare. It answers requests, takes the queue's rings and the cron's; what has
 * to remember or to wait lives in the Durable Objects exported here.
 */

import { waitUntil } from "cloudflare:workers";
import type { ExecutionContext, ScheduledController } from "@cloudflare/workers-types";
import manifest from "../../../package.json" with { type: "json" };
import { closedApp, missingKeys, wrongSettings } from "../../compose/closed-app.ts";
import { runSchedule } from "../../compose/cron-schedule.ts";
import { createDeploymentApp, type DeploymentApp } from "../../compose/deployment-app.ts";
import { hubConnectionSettings } from "../../compose/options.ts";
import { ConfigError } from "../../config/load.ts";
import type { Bindings } from "./bindings.ts";
import { AssetPages } from "./clients/asset-pages.ts";
import { RemoteEventSockets } from "./clients/remote-event-sockets.ts";
import { RemoteHubShards } from "./clients/remote-hub-shards.ts";
import { RemoteVoiceSockets } from "./clients/remote-voice-sockets.ts";
import { partsOf, workerLog } from "./parts.ts";

export { HubShard } from "./objects/hub-shard.ts";
export { MediaObject } from "./objects/media-object.ts";
export { RealtimeSession } from "./objects/realtime-session.ts";
export { StepRunner } from "./objects/step-runner.ts";
export { StoreObject } from "./objects/store-object.ts";
export { TaskRoom } from "./objects/task-room.ts";

/** An isolate keeps its bindings for life, and with them the application. */
const apps = new WeakMap<Bindings, DeploymentApp>();

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

function createApp(bindings: Bindings): DeploymentApp {
  try {
    const parts = partsOf(bindings);
    const { settings, clock } = parts;
    const reason = missingKeys(settings);
    if (reason !== null) return closedApp(reason, workerLog);
    const voiceSockets = new RemoteVoiceSockets(bindings);
    return createDeploymentApp(parts, {
      build: { version: manifest.version, runtime: "workerd" },
      sockets: new RemoteEventSockets(bindings),
      voiceSockets,
      makeCall: (opening, sdp) => voiceSockets.makeCall(opening, sdp),
      endVoice: async (sessionId) => {
        await bindings.REALTIME_SESSION.getByName(sessionId).terminate();
      },
      shards: new RemoteHubShards(bindings, {
        clock,
        keepAliveMs: hubConnectionSettings(settings).keepAliveMs,
      }),
      keepAlive: waitUntil,
      ...(bindings.ASSETS && { pages: new AssetPages(bindings.ASSETS) }),
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return closedApp(wrongSettings(error), workerLog);
  }
}
