/** What scenarios share: requests by the names of routes, and the codes that come of them. */

import { expect } from "vitest";
import type { WireError } from "../../../../src/protocol/error.ts";
import { ADMIN_KEY, type GatewayWorld, type SendOptions } from "../../../fixture/gateway-world.ts";
import { PNG } from "../../../fixture/media-samples.ts";
import { FOX } from "../../../fixture/reference/route-calls.ts";
import type { ProviderCall } from "../../../fixture/scripted-provider.ts";

/** Of a scenario, at its provider. */
const MOST_CALLS = 20;
/** How far time is moved on for an answer, at a time and in all, ms. */
const STEP_MS = 100;
const MOST_MS = 120_000;

/** Answers the world of the suite, which is there once its tests run. */
export type TheWorld = () => GatewayWorld;

/** Sends a request that has to be answered with one of these statuses, and reads its JSON. */
export async function asked<T>(
  world: GatewayWorld,
  route: string,
  options: SendOptions = {},
  statuses: readonly number[] = [200],
): Promise<T> {
  const [method = "", path = ""] = route.split(" ");
  const response = await world.send(method, path, options);
  const text = await response.clone().text();
  expect([route, response.status, statuses.includes(response.status) ? "" : text]).toEqual([
    route,
    response.status,
    "",
  ]);
  return (text.startsWith("{") ? JSON.parse(text) : text) as T;
}

export const byAdmin = <T>(
  world: GatewayWorld,
  route: string,
  options: SendOptions = {},
  statuses?: number[],
) => asked<T>(world, route, { ...options, key: ADMIN_KEY }, statuses);

/** Sends a request that has to be refused with this code. */
export async function refused(
  world: GatewayWorld,
  route: string,
  code: string,
  options: SendOptions = {},
): Promise<void> {
  const [method = "", path = ""] = route.split(" ");
  const response = await world.send(method, path, options);
  const { error } = (await response.json()) as WireError;
  expect([route, error?.code, error?.code === code ? "" : error?.message]).toEqual([route, code, ""]);
}

/** An ephemeral key of the bootstrap key. */
export async function browserKey(world: GatewayWorld, body: object = { subject: "ann" }): Promise<string> {
  return (await asked<{ key: string }>(world, "POST /v1/auth/ephemeral-keys", { body })).key;
}

/** A task that waits for its provider, and the call that waits for the test. */
export async function startedTask(world: GatewayWorld, route: string, body: object = FOX) {
  const { taskId } = await asked<{ taskId: string }>(world, route, { body });
  return { taskId, call: await callOfTask(world, taskId) };
}

/** What the provider was asked for a task, as soon as it is. */
export async function callOfTask(world: GatewayWorld, taskId: string): Promise<ProviderCall> {
  for (let seen = 0; seen < MOST_CALLS; seen++) {
    const known = world.provider.calls.find(({ job }) => job.taskId === taskId);
    const call = known ?? (await world.provider.next());
    if (call.job.taskId === taskId) return call;
  }
  throw new Error(`the provider was not asked for ${taskId}`);
}

/** A task that has been made. */
export async function completedTask(world: GatewayWorld, route: string, body: object = FOX): Promise<string> {
  const { taskId, call } = await startedTask(world, route, body);
  const media = await call.io.putMedia(PNG, "image/png");
  call.answer({ kind: "done", items: [{ index: 0, media }] });
  await untilEnded(world, taskId);
  return taskId;
}

/** Moves time on until it has come. */
export async function passing<T>(world: GatewayWorld, pending: Promise<T>): Promise<T> {
  let hasCome = false;
  const come = () => {
    hasCome = true;
  };
  pending.then(come, come);
  for (let moved = 0; moved < MOST_MS && !hasCome; moved += STEP_MS) await world.clock.advance(STEP_MS);
  return pending;
}

/** What a provider's call leads to is written in steps. */
export async function untilEnded(world: GatewayWorld, taskId: string): Promise<void> {
  for (let turns = 0; turns < 100; turns++) {
    const { status } = await asked<{ status: string }>(world, `GET /v1/tasks/${taskId}`);
    if (status !== "queued" && status !== "running") return;
    await world.clock.advance(10);
  }
  throw new Error(`the task ${taskId} does not end`);
}
