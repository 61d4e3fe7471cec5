/** The baseline of `gateway-sync`: the same web framework on the same runtime, handing each request on and its answer back. */

import { Hono } from "hono";
import { hear, say, textArgument } from "../harness/child.ts";

const upstream = textArgument("upstream");
const path = "/v1/images/generations";

const app = new Hono();
app.post(path, async (context) => {
  const answer = await fetch(`${upstream}${path}`, {
    method: "POST",
    headers: {
      authorization: context.req.header("authorization") ?? "",
      "content-type": "application/json",
    },
    body: await context.req.text(),
  });
  return new Response(answer.body, {
    status: answer.status,
    headers: { "content-type": answer.headers.get("content-type") ?? "application/octet-stream" },
  });
});

const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: app.fetch });
hear(() => {});
say("ready", { port: server.port });
