/** Socket.IO on Node: one room, one `emit` per event, WebSocket transport only; with its MessagePack parser where asked. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import messagePack from "socket.io-msgpack-parser";
import { hear, say, textArgument } from "../harness/child.ts";
import { HUB_TARGET, type Payload, PERCENT, TASK_ID } from "../harness/hub-payload.ts";
import { offer, progressEvent } from "../harness/offered-rate.ts";

const ROOM = "task";
const payload = textArgument("payload", "event") as Payload;

const http = createServer();
const server = new Server(http, {
  transports: ["websocket"],
  perMessageDeflate: false,
  serveClient: false,
  ...(payload === "messagepack" ? { parser: messagePack } : {}),
});
server.on("connection", (socket) => void socket.join(ROOM));

let seq = 0;
hear(async (command) => {
  if (command.type !== "offer") return;
  const { perSecond, seconds, startsAt } = command;
  const emitted = await offer(Number(perSecond), Number(seconds), Number(startsAt), (dueAt) => {
    seq += 1;
    if (payload === "event") server.to(ROOM).emit("event", JSON.parse(progressEvent(seq, dueAt)));
    else server.to(ROOM).emit(HUB_TARGET, TASK_ID, PERCENT);
  });
  say("offered", { emitted });
});
http.listen(0, "127.0.0.1", 4096, () => {
  const { port } = http.address() as AddressInfo;
  say("ready", { port, path: "/socket.io/?EIO=4&transport=websocket", headers: {}, protocol: "socket.io" });
});
