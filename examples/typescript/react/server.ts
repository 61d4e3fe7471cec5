/**
 * The server of the page: it bundles the page and makes keys for its browsers. The virtual key stays here.
 *
 *   CONDUIT_KEY=condt_… bun examples/typescript/react/server.ts      then open http://localhost:3000
 *
 * Run the gateway on this machine, or name it with CONDUIT_URL and put http://localhost:3000 into its `cors.origins`.
 */

import { ConduitClient, ConduitError } from "@conduit-gateway/client";
import page from "./index.html";

const baseUrl = process.env.CONDUIT_URL ?? "http://localhost:8787";
const conduit = new ConduitClient({ virtualKey: process.env.CONDUIT_KEY ?? "", baseUrl });

const server = Bun.serve({
  port: Number(process.env.PORT ?? 3000),
  hostname: "localhost",
  development: false,
  routes: {
    "/": page,
    "/gateway": () => Response.json({ baseUrl }),
    "/conduit-key": {
      // Where people sign in, this is the place to ask who asks, and `subject` is who: each sees tasks of their own alone.
      POST: async () => {
        try {
          const permissions = { canGenerateImages: true };
          return Response.json(
            await conduit.ephemeralKeys.create({ ttl_seconds: 600, subject: "a visitor", permissions }),
          );
        } catch (error) {
          const message = error instanceof ConduitError ? error.message : "No key can be made.";
          return Response.json({ error: message }, { status: 502 });
        }
      },
    },
  },
});
console.log(`http://localhost:${server.port}`);
