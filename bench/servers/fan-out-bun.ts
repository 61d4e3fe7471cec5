/** The baseline of the fan-out and of the idle memory: Bun's own publish to one topic, and nothing else. */

import { hear, say } from "../harness/child.ts";
import { machineNow, offer, progressEvent } from "../harness/offered-rate.ts";

const TOPIC = "task";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, self) =>
    self.upgrade(request) ? undefined : new Response("expected a WebSocket", { status: 426 }),
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe(TOPIC);
    },
    message() {},
  },
});

let seq = 0;
hear(async (command) => {
  if (command.type !== "offer") return;
  const startedAt = machineNow();
  const emitted = await offer(Number(command.perSecond), Number(command.seconds), (dueAt) => {
    seq += 1;
    server.publish(TOPIC, progressEvent(seq, dueAt));
  });
  say("offered", { emitted, startedAt });
});
say("ready", { port: server.port, path: "/", headers: {}, protocol: "plain" });
