/** The Worker inside workerd: a picture from request to file, what operators see, and what an unfinished deployment answers. */

import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import type { WireAccepted, WireTask } from "../../src/protocol/task.ts";
import type { Bindings } from "../../src/runtime/cloudflare/bindings.ts";
import worker from "../../src/runtime/cloudflare/worker.ts";

const BOOTSTRAP_KEY = `condt_${"w".repeat(43)}`;
const ADMIN_KEY = "the-admin-key-of-this-worker";
const bindings: Bindings = {
  ...(env as Bindings),
  CONDUIT_BOOTSTRAP_KEY: BOOTSTRAP_KEY,
  CONDUIT_ADMIN_KEY: ADMIN_KEY,
  SOME_BUCKET: {},
  CONDUITLLM__LOGGING__LEVEL: "silent",
};
const unfinished: Bindings = {
  ...bindings,
  CONDUIT_BOOTSTRAP_KEY: undefined,
  CONDUIT_ADMIN_KEY: undefined,
};

const ask = (path: string, key?: string, init: RequestInit = {}) =>
  worker.fetch(
    new Request(`https://gateway.example${path}`, {
      ...init,
      headers: { ...init.headers, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    }),
    bindings,
  );
/** The same deployment before its secrets are set; a developer's `.dev.vars` may have put some among the bindings. */
const askUnfinished = (path: string, init: RequestInit = {}) =>
  worker.fetch(new Request(`https://gateway.example${path}`, init), unfinished);
const errorOf = async (response: Response) => ((await response.json()) as WireError).error;

describe("a Worker without its keys", () => {
  test("lives, is not ready, and says which commands set them", async () => {
    expect((await askUnfinished("/health/live")).status).toBe(200);
    expect((await askUnfinished("/health/ready")).status).toBe(503);
    for (const path of [
      "/v1/models",
      "/v1/images/generations/async",
      "/admin/v1/models",
      "/admin/v1/providers",
      "/metrics",
      "/nothing",
    ]) {
      const response = await askUnfinished(path);
      expect(response.status).toBe(503);
      const { message } = await errorOf(response);
      expect(message).toContain("wrangler secret put CONDUIT_BOOTSTRAP_KEY");
      expect(message).toContain("wrangler secret put CONDUIT_ADMIN_KEY");
    }
  });

  test("answers every error in the envelope, with the request's id", async () => {
    const response = await askUnfinished("/v1/models", {
      headers: { "x-request-id": "trace-7" },
    });
    expect(response.headers.get("x-request-id")).toBe("trace-7");
    expect((await errorOf(response)).requestId).toBe("trace-7");
  });
});

describe("a Worker with its keys", () => {
  test("is ready and lists its models to the bootstrap key alone", async () => {
    expect((await ask("/health/ready")).status).toBe(200);
    const response = await ask("/v1/models", BOOTSTRAP_KEY);
    expect(response.status).toBe(200);
    const { data } = (await response.json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toContain("local/canvas");
    expect((await ask("/v1/models/local/canvas", BOOTSTRAP_KEY)).status).toBe(200);
    expect((await errorOf(await ask("/v1/models", `condt_${"x".repeat(43)}`))).code).toBe("invalid_api_key");
    expect((await errorOf(await ask("/v1/models"))).code).toBe("missing_api_key");
  });

  test("paints a picture: accepted, worked on by a step runner's alarm, stored, read back", async () => {
    const answer = await ask("/v1/images/generations/async", BOOTSTRAP_KEY, {
      method: "POST",
      headers: { "content-type": "application/json", prefer: "wait=20" },
      body: JSON.stringify({ prompt: "a lake at night", model: "local/canvas", size: "64x64" }),
    });
    const task = (await answer.json()) as WireAccepted & WireTask;
    expect(task).toMatchObject({ status: "completed", progress: 100 });
    const picture = await ask(new URL(task.result?.images?.[0]?.url ?? "").pathname);
    expect(picture.headers.get("content-type")).toBe("image/png");
    expect((await picture.arrayBuffer()).byteLength).toBeGreaterThan(100);
  });

  test("tells the operator how its parts are, and nobody else", async () => {
    expect((await ask("/health")).status).toBe(401);
    const health = (await (await ask("/health", ADMIN_KEY)).json()) as {
      status: string;
      parts: Record<string, unknown>;
    };
    expect(health).toMatchObject({
      status: "ok",
      parts: { store: { status: "ok", kind: "Durable Object" }, queue: { status: "ok", kind: "alarms" } },
    });
    expect((await ask("/metrics", ADMIN_KEY)).status).toBe(200);
  });

  test("with a wrong setting says which one in its answer, what came in its log alone, and serves nothing", async () => {
    const response = await worker.fetch(new Request("https://gateway.example/v1/models"), {
      ...bindings,
      PORT: "many",
    });
    expect(response.status).toBe(503);
    const { message } = await errorOf(response);
    expect(message).toContain("PORT");
    expect(message).not.toContain("many");
  });
});
