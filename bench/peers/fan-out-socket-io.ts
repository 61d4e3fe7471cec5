/** Socket.IO on Node: one room, one `emit` per event, WebSocket transport only. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { hear, say } from "../harness/child.ts";
import { machineNow, offer, progressEvent } from "../harness/offered-rate.ts";

const ROOM = "task";

const http = createServer();
const server = new Server(http, { transports: ["websocket"], perMessageDeflate: false, serveClient: false });
server.on("connection", (socket) => void socket.join(ROOM));

let seq = 0;
hear(async (command) => {
  if (command.type !== "offer") return;
  const startedAt = machineNow();
  const emitted = await offer(Number(command.perSecond), Number(command.seconds), (dueAt) => {
    seq += 1;
    server.to(ROOM).emit("event", JSON.parse(progressEvent(seq, dueAt)));
  });
  say("offered", { emitted, startedAt });
});
http.listen(0, "127.0.0.1", 4096, () => {
  const { port } = http.address() as AddressInfo;
  say("ready", { port, path: "/socket.io/?EIO=4&transport=websocket", headers: {}, protocol: "socket.io" });
});
