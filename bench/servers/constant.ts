/**
 * The baseline of `accept`: the same web framework on the same runtime, parsing the same JSON, answering a constant of
 * the shape and size of the real answer. What it lacks is everything that makes the answer true.
 */

import { Hono } from "hono";
import { hear, say } from "../harness/child.ts";

const ID = "019aa7b5-9c00-7000-8000-000000000000";

const app = new Hono();
app.post("/v1/images/generations/async", async (context) => {
  const body = await context.req.json<{ prompt?: unknown }>();
  if (typeof body.prompt !== "string") return context.json({ error: "prompt is missing" }, 400);
  return context.json({
    taskId: ID,
    task_id: ID,
    status: "queued",
    statusUrl: `http://127.0.0.1/v1/images/generations/${ID}/status`,
    created: "2026-11-21T10:30:00.000Z",
    eventsUrl: `http://127.0.0.1/v1/tasks/${ID}/events`,
    cancelUrl: `http://127.0.0.1/v1/tasks/${ID}`,
  });
});

const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: app.fetch });
hear(() => {});
say("ready", { port: server.port });
