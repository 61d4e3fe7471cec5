/** `ws` on Node, used as its documentation shows a broadcast: one encoded message, a send to every open client. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { hear, say, textArgument } from "../harness/child.ts";
import { createPayload, type Payload } from "../harness/hub-payload.ts";
import { offer } from "../harness/offered-rate.ts";

const payload = createPayload(textArgument("payload", "event") as Payload);

const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });

let seq = 0;
hear(async (command) => {
  if (command.type !== "offer") return;
  const { perSecond, seconds, startsAt } = command;
  const emitted = await offer(Number(perSecond), Number(seconds), Number(startsAt), (dueAt) => {
    seq += 1;
    const message = payload(seq, dueAt);
    const binary = typeof message !== "string";
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(message, { binary });
    }
  });
  say("offered", { emitted });
});
http.listen(0, "127.0.0.1", 4096, () => {
  say("ready", { port: (http.address() as AddressInfo).port, path: "/", headers: {}, protocol: "plain" });
});
