/** The API's promises, kept by the application in this process, and again behind a socket, over SQLite in memory. */

import { httpApiContract } from "../contract/http-api.ts";
import { canvasGateway } from "../fixture/canvas-gateway.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY } from "../fixture/gateway-world.ts";

httpApiContract({
  name: "in process",
  async open() {
    const { gateway, close } = await canvasGateway();
    return {
      fetch: async (path, init) => gateway.app.fetch(new Request(`http://gateway.test:8787${path}`, init)),
      key: BOOTSTRAP_KEY,
      adminKey: ADMIN_KEY,
      close,
    };
  },
});

httpApiContract({
  name: "over HTTP",
  async open() {
    const { gateway, close } = await canvasGateway();
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => gateway.app.fetch(request),
    });
    return {
      fetch: (path, init) => fetch(`http://127.0.0.1:${server.port}${path}`, init),
      key: BOOTSTRAP_KEY,
      adminKey: ADMIN_KEY,
      async close() {
        await close();
        await server.stop(true);
      },
    };
  },
});
