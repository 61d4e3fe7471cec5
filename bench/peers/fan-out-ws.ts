/** `ws` on Node, used as its documentation shows a broadcast: one encoded text, a send to every open client. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { hear, say } from "../harness/child.ts";
import { machineNow, offer, progressEvent } from "../harness/offered-rate.ts";

const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });

let seq = 0;
hear(async (command) => {
  if (command.type !== "offer") return;
  const startedAt = machineNow();
  const emitted = await offer(Number(command.perSecond), Number(command.seconds), (dueAt) => {
    seq += 1;
    const text = progressEvent(seq, dueAt);
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(text, { binary: false });
    }
  });
  say("offered", { emitted, startedAt });
});
http.listen(0, "127.0.0.1", 4096, () => {
  say("ready", { port: (http.address() as AddressInfo).port, path: "/", headers: {}, protocol: "plain" });
});
