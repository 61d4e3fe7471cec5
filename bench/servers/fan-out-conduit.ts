/**
 * Conduit in the fan-outs and the idle memory: the whole application with its event sockets and hubs, one task under a lease
 * held here.
 * The engine stands still, and with it the progress throttle: every event offered is recorded by the store and then published,
 * as the engine does with the progress it lets through.
 */

import { createGateway } from "../../src/compose/process-gateway.ts";
import { loadConfig } from "../../src/config/load.ts";
import { Catalogue } from "../../src/providers/catalogue.ts";
import { BunSockets, type SocketData } from "../../src/runtime/bun/sockets.ts";
import { createNodeTransport } from "../../src/runtime/process/node-transport.ts";
import { systemClock } from "../../src/tasks/ports/clock.ts";
import type { MediaStore } from "../../src/tasks/ports/media-store.ts";
import { hear, say, textArgument } from "../harness/child.ts";
import { AUTHORIZED, KEY } from "../harness/conduit.ts";
import type { Payload } from "../harness/hub-payload.ts";
import { offer, printMoment } from "../harness/offered-rate.ts";
import { openBenchStore } from "./in-process-store.ts";

const HOUR_MS = 3_600_000;
const { settings } = loadConfig({
  env: {
    CONDUITLLM__EVENTS__MAXCONNECTIONSPERKEY: "20000",
    CONDUITLLM__EVENTS__MAXCONNECTIONS: "20000",
    CONDUITLLM__HUBS__MAXCONNECTIONSPERKEY: "20000",
  },
  file: null,
});
const log = { debug: () => {}, info() {}, warn: console.error, error: console.error };
const media: MediaStore = {
  put: () => Promise.reject(new Error("nothing is painted here")),
  putDerived: () => Promise.reject(new Error("nothing is painted here")),
  get: () => Promise.resolve(null),
  remove: () => Promise.resolve(),
  removeTask: () => Promise.resolve(),
  filesOf: () => Promise.resolve([]),
  tasksBefore: () => Promise.resolve([]),
};

const store = await openBenchStore(textArgument("folder"));
const sockets = new BunSockets();
const gateway = createGateway({
  build: { version: "0.0.0", runtime: "a bench" },
  settings,
  adminKey: null,
  store,
  media,
  catalogue: new Catalogue({ offers: [], aliases: {} }),
  transport: createNodeTransport(),
  host: { keepOpen() {}, limitIdle() {} },
  sockets,
  topics: sockets,
  clock: systemClock,
  log,
});
const { id: keyId } = await gateway.keys.ensureBootstrapKey(KEY);
const server = Bun.serve<SocketData>({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) => gateway.app.fetch(request),
  websocket: sockets.websocket,
});
sockets.attach(server);

const { view } = await gateway.tasks.submit({
  tenant: { keyId, subject: "" },
  type: "image",
  model: "bench",
  route: [{ provider: "bench", model: "bench" }],
  request: { prompt: "a lighthouse in a storm", n: 1 },
  priority: "normal",
  timeoutMs: HOUR_MS,
  metadata: {},
  baseUrl: "http://127.0.0.1",
  reservedMicros: 0,
  price: null,
  retryOf: null,
  customer: null,
  idempotency: null,
});
const [claim] = await store.claim({ lane: "image", leaseMs: HOUR_MS, max: 1 });
if (claim === undefined) throw new Error("the bench's own task could not be claimed");
const { lease } = claim;

hear(async (command) => {
  if (command.type !== "offer") return;
  const { perSecond, seconds, startsAt } = command;
  const writes: Promise<void>[] = [];
  const emitted = await offer(Number(perSecond), Number(seconds), Number(startsAt), (dueAt) => {
    writes.push(recordProgress(printMoment(dueAt)));
  });
  await Promise.all(writes);
  say("offered", { emitted });
});
const payload = textArgument("payload", "event") as Payload;
say("ready", {
  port: server.port,
  headers: { authorization: AUTHORIZED.authorization },
  taskId: view.task.id,
  ...(payload === "event"
    ? { path: `/v1/tasks/${view.task.id}/events`, protocol: "plain" }
    : { path: "/hubs/image-generation", protocol: "hub" }),
});

async function recordProgress(message: string): Promise<void> {
  const outcome = await store.advance(lease, { kind: "progress", percent: 50, message });
  if (!outcome.applied) throw new Error("the bench lost the lease of its own task");
  gateway.publisher.publish(outcome.update);
}
