/** Whatever goes wrong between the Worker and its services, no token or key is in its log or its answers. */

import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { RETENTION_CRON } from "../../src/compose/cron-schedule.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY } from "../fixture/server-process.ts";
import { buildWorker, TEST_ENTRY } from "../fixture/worker-build.ts";
import { WorkerProcess } from "../fixture/worker-process.ts";
import { freePort } from "../fixture/workerd.ts";

const SECRETS = {
  UPSTASH_REDIS_REST_TOKEN: "AbCdUpstashTokenOfTheTests0123456789",
  QSTASH_TOKEN: "eyJVc2VySUQiOiJxc3Rhc2gtdG9rZW4ifQ==",
  QSTASH_CURRENT_SIGNING_KEY: "sig_currentSigningKeyOfTheTests",
  QSTASH_NEXT_SIGNING_KEY: "sig_nextSigningKeyOfTheTests",
};
const { UPSTASH_REDIS_REST_TOKEN, ...QSTASH } = SECRETS;
const TASK = { model: "local/canvas", prompt: "a small boat", size: "64x64", provider_options: { steps: 1 } };
const ROUTES = ["/health", "/metrics", "/v1/tasks"];

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
beforeAll(() => buildWorker(TEST_ENTRY));

/** A service that refuses everything and quotes the credentials it was sent, as some do. */
function talkative(status: number): string {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) =>
      Response.json(
        { error: `refused ${request.headers.get("authorization")} at ${request.url}` },
        { status, headers: { "www-authenticate": request.headers.get("authorization") ?? "none" } },
      ),
  });
  cleanups.push(() => server.stop(true));
  return `http://127.0.0.1:${server.port}`;
}

const nobody = () => `http://127.0.0.1:${freePort()}`;

/** Uses everything that reaches a service, and answers all that was said meanwhile. */
async function everything(worker: WorkerProcess): Promise<string> {
  const said: string[] = [];
  const hear = async (response: Promise<Response>) => {
    const { status, headers, body } = await response;
    // A stream that was opened tells its first words.
    const first = await body?.getReader().read();
    said.push(`${status} ${JSON.stringify([...headers])} ${new TextDecoder().decode(first?.value)}`);
  };
  for (const path of ROUTES)
    await hear(worker.request(path, {}, path.startsWith("/v1") ? BOOTSTRAP_KEY : ADMIN_KEY));
  for (const path of ["/v1/images/generations/async", "/v1/queue/step"]) {
    await hear(worker.postJson(path, TASK));
  }
  for (const cron of [undefined, RETENTION_CRON]) {
    await worker.cron(cron).catch((error: unknown) => said.push(String(error)));
  }
  return said.join("\n");
}

function expectNoSecrets(text: string): void {
  for (const secret of [...Object.values(SECRETS), BOOTSTRAP_KEY, ADMIN_KEY])
    expect(text).not.toContain(secret);
}

async function healthOf(worker: WorkerProcess) {
  const response = await worker.request("/health", {}, ADMIN_KEY);
  const { status, parts } = (await response.json()) as {
    status: string;
    parts: Record<"store" | "queue", { status: string; kind: string }>;
  };
  return { code: response.status, status, store: parts.store, queue: parts.queue };
}

describe("an Upstash", { timeout: 60_000 }, () => {
  test.each<[string, () => string]>([
    ["that refuses the token", () => talkative(401)],
    ["that nobody reaches", nobody],
  ])("%s leaves no secret behind, and shows in the health", async (_, url) => {
    const env = { UPSTASH_REDIS_REST_URL: url(), UPSTASH_REDIS_REST_TOKEN };
    const worker = await WorkerProcess.start({ env });
    cleanups.push(() => worker.stop());
    const said = await everything(worker);
    expectNoSecrets(said);
    expectNoSecrets(worker.output);
    expect(worker.logLines.length).toBeGreaterThan(ROUTES.length);
    expect(await healthOf(worker)).toMatchObject({
      code: 503,
      status: "down",
      store: { status: "down", kind: "Upstash Redis" },
      queue: { status: "down", kind: "alarms" },
    });
  });
});

describe("a QStash", { timeout: 60_000 }, () => {
  test.each<[string, () => string]>([
    ["that refuses the token", () => talkative(401)],
    ["that nobody reaches", nobody],
  ])("%s leaves no secret behind, fails no request, and shows in the health", async (_, url) => {
    const env = { QSTASH_URL: url(), ...QSTASH, CONDUIT_PUBLIC_URL: "https://gateway.example" };
    const worker = await WorkerProcess.start({ env });
    cleanups.push(() => worker.stop());
    const said = await everything(worker);
    await expect
      .poll(async () => (await healthOf(worker)).queue)
      .toMatchObject({
        status: "degraded",
        kind: "QStash",
      });
    expect(await healthOf(worker)).toMatchObject({
      code: 200,
      status: "degraded",
      store: { status: "ok", kind: "Durable Object" },
    });
    expect((await worker.postJson("/v1/images/generations/async", TASK)).status).toBe(200);
    expectNoSecrets(said);
    expectNoSecrets(worker.output);
  });
});
