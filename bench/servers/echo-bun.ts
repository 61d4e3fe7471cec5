/** The baseline of the hubs' echo: a bare WebSocket that sends back what it is sent. */

import { hear, say } from "../harness/child.ts";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, self) =>
    self.upgrade(request) ? undefined : new Response("expected a WebSocket", { status: 426 }),
  websocket: {
    perMessageDeflate: false,
    message(socket, message) {
      socket.send(message);
    },
  },
});

hear(() => {});
say("ready", { port: server.port, path: "/", headers: {} });
