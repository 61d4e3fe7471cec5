/** The baseline of the fan-out and of the idle memory: Bun's own publish to one topic, and nothing else. */

import { hear, say, textArgument } from "../harness/child.ts";
import { createPayload, type Payload } from "../harness/hub-payload.ts";
import { offer } from "../harness/offered-rate.ts";

const TOPIC = "task";
const payload = createPayload(textArgument("payload", "event") as Payload);

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
  const { perSecond, seconds, startsAt } = command;
  const emitted = await offer(Number(perSecond), Number(seconds), Number(startsAt), (dueAt) => {
    seq += 1;
    server.publish(TOPIC, payload(seq, dueAt));
  });
  say("offered", { emitted });
});
say("ready", { port: server.port, path: "/", headers: {}, protocol: "plain" });
