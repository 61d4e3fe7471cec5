/** What an operator sees of a provider whose calls never return. */

import { afterEach, expect, test } from "vitest";
import type { HealthPart } from "../../src/http/routes/health.ts";
import type { WireAccepted, WireTask } from "../../src/protocol/task.ts";
import { ADMIN_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";

let world: GatewayWorld;
afterEach(() => world.close());

const providers = async () => {
  const health = await world.send("GET", "/health", { key: ADMIN_KEY });
  return ((await health.json()) as { parts: Record<string, HealthPart> }).parts.providers;
};
const hungCalls = async () => {
  const metrics = await (await world.send("GET", "/metrics", { key: ADMIN_KEY })).text();
  return /^conduit_provider_hung_calls\{provider="local"\} (\d+)$/m.exec(metrics)?.[1];
};

test("a provider whose call never returns degrades its part of the health, by name, until it ends", async () => {
  world = await gatewayWorld({ env: { CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "1" } });
  const { provider, clock } = world;
  const create = async () =>
    (await (
      await world.send("POST", "/v1/images/generations/async", {
        body: { model: "local/canvas", prompt: "a boat", timeout_seconds: 5 },
      })
    ).json()) as WireAccepted;
  const { taskId } = await create();
  const call = await provider.next();
  expect(await hungCalls()).toBe("0");
  await clock.advance(20_000);

  const task: WireTask = await (await world.send("GET", `/v1/tasks/${taskId}`)).json();
  expect(task).toMatchObject({ status: "failed", errorCode: "timeout" });
  expect(await providers()).toMatchObject({
    status: "degraded",
    detail: expect.stringContaining("local (1)"),
    hungCalls: 1,
  });
  expect(await hungCalls()).toBe("1");
  expect(world.log.map(({ message }) => message)).toContain("provider call did not end when it was told to");

  // Its place is free: other work goes on beside it.
  await create();
  await provider.next();

  call.explode(new Error("the connection was closed"));
  await clock.advance(0);
  expect(await providers()).toMatchObject({ status: "ok" });
  expect(await hungCalls()).toBe("0");
});
