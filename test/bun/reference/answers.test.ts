/**
 * Every answer that is described occurs. What all routes have in common is asked of each of them by its description; what one route has of
 * its own is in `scenarios`, each in a gateway of its own. `unprovoked` knows the reasons for the rest.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { statusOf } from "../../../src/http/reference/answers/errors.ts";
import { OPERATIONS } from "../../../src/http/reference/document.ts";
import { errorCodesOf } from "../../../src/http/reference/error-responses.ts";
import type { Operation } from "../../../src/http/reference/operation.ts";
import { StoreUnavailableError } from "../../../src/tasks/ports/store-error.ts";
import { ADMIN_KEY, type GatewayWorld } from "../../fixture/gateway-world.ts";
import { referenceWorld } from "../../fixture/reference/reference-world.ts";
import { callOf, FAULTY, type RouteCall } from "../../fixture/reference/route-calls.ts";
import { REASON_COUNT, unprovoked } from "../../fixture/reference/unprovoked.ts";
import { creationScenarios } from "./scenarios/creation.ts";
import { keyScenarios } from "./scenarios/keys.ts";
import { operationScenarios } from "./scenarios/operation.ts";
import { taskScenarios } from "./scenarios/tasks.ts";

/** More than any body may have. */
const TOO_LARGE = " ".repeat(10 * 1_048_576 + 1);
const UNKNOWN_KEY = `condt_${"x".repeat(43)}`;

let world: GatewayWorld;
let [expiredKey, disabledKey, otherKey] = ["", "", ""];
beforeAll(async () => {
  world = await referenceWorld();
  const expiresAt = new Date(world.clock.now() + 60_000).toISOString();
  expiredKey = (await world.makeKey({ name: "expired", expiresAt })).key;
  disabledKey = (await world.makeKey({ name: "disabled", enabled: false })).key;
  otherKey = (await world.makeKey({ name: "other" })).key;
  await world.clock.advance(61_000);
});
afterAll(() => world.close());

const routes = OPERATIONS.flatMap((operation) =>
  [operation.path, ...(operation.also ?? [])].map((path) => ({ operation, path })),
);
const named = routes.map(({ operation, path }): [string, Operation, string] => [
  `${operation.method.toUpperCase()} ${path}`,
  operation,
  path,
]);
const keyed = named.filter(([, { access }]) => access !== "open" && access !== "operator");

function ask(call: RouteCall, key: string | null, changes: Partial<RouteCall> = {}): Promise<Response> {
  const { method, path, body, headers } = { ...call, ...changes };
  return world.send(method, path, { key, headers, ...(body !== undefined && { body }) });
}

/** The key that a route takes. */
const keyFor = ({ access }: Operation) =>
  access === "admin" || access === "operator" ? ADMIN_KEY : undefined;
const callWithKey = (operation: Operation, path: string, changes: Partial<RouteCall> = {}) => {
  const { method, headers, body, path: at } = { ...callOf(operation, path), ...changes };
  const key = keyFor(operation);
  return world.send(method, at, { headers, ...(body !== undefined && { body }), ...(key && { key }) });
};

describe("a key that does not open", () => {
  test.each(keyed)("%s", async (_, operation, path) => {
    const call = callOf(operation, path);
    for (const key of [null, UNKNOWN_KEY, expiredKey, disabledKey, otherKey].slice(
      0,
      operation.access === "admin" ? 5 : 4,
    )) {
      const { status } = await ask(call, key);
      expect([401, 403]).toContain(status);
    }
  });

  test.each(named.filter(([, { access }]) => access === "operator"))("%s", async (_, operation, path) => {
    expect((await ask(callOf(operation, path), null)).status).toBe(401);
    expect((await ask(callOf(operation, path), otherKey)).status).toBe(403);
  });
});

describe("a store that is away, or fails in a way nobody foresaw", () => {
  test.each(keyed)("%s", async (_, operation, path) => {
    const { findKeyByHash } = world.store;
    const answered: number[] = [];
    for (const failure of [new StoreUnavailableError("locked", "gone"), new Error("unforeseen")]) {
      world.store.findKeyByHash = () => Promise.reject(failure);
      // One that nobody remembers.
      answered.push(
        (await ask(callOf(operation, path), `condt_${crypto.randomUUID().replaceAll("-", "")}00`)).status,
      );
    }
    world.store.findKeyByHash = findKeyByHash;
    expect(answered).toEqual([503, 500]);
  });
});

describe("a body that is none", () => {
  const withBody = named.filter(([, { body }]) => body !== undefined);
  test.each(withBody)("%s", async (_, operation, path) => {
    const send = (changes: Partial<RouteCall>) => callWithKey(operation, path, changes);
    const { wrong, missing } = FAULTY[operation.body!.schema];
    expect((await send({ body: "{" })).status).toBe(400);
    expect((await send({ body: TOO_LARGE })).status).toBe(413);
    expect((await send({ headers: { "content-type": "text/plain" } })).status).toBe(415);
    expect((await send({ body: wrong })).status).toBe(400);
    if (missing !== undefined) expect((await send({ body: missing })).status).toBe(400);
  });
});

describe("what is not there", () => {
  const withNotFound = named.filter(([, operation]) =>
    errorCodesOf(operation).some((code) => statusOf(code) === 404 && code.endsWith("not_found")),
  );
  const found = withNotFound.filter(([, { path }]) => path.includes("{"));
  test.each(found)("%s", async (_, operation, path) => {
    await callWithKey(operation, path);
  });
});

describe("a page that cannot be", () => {
  test.each(named.filter(([, { parameters = [] }]) => parameters.some(({ name }) => name === "limit")))(
    "%s",
    async (_, operation, path) => {
      const call = callOf(operation, path);
      const answer = await callWithKey(operation, path, { path: `${call.path}?limit=0` });
      expect(answer.status).toBe(400);
    },
  );
});

describe("what routes have of their own", () => {
  let scene: GatewayWorld;
  beforeEach(async () => {
    scene = await referenceWorld();
  });
  afterEach(() => scene.close());
  creationScenarios(() => scene);
  taskScenarios(() => scene);
  keyScenarios(() => scene);
  operationScenarios(() => scene);
});

test("every answer that is described has occurred, or there is a reason why it cannot", () => {
  const missing: string[] = [];
  const excused = new Set<string>();
  for (const { operation, path } of routes) {
    const name = `${operation.method} ${path}`;
    const errors = errorCodesOf(operation).map((code) => `${name} ${statusOf(code)} ${code}`);
    const own = Object.keys(operation.answers).map((status) => `${name} ${status}`);
    for (const answer of [...own, ...errors]) {
      if (world.described.occurred.has(answer)) continue;
      const reason = unprovoked(answer);
      if (reason === null) missing.push(answer);
      else excused.add(reason);
    }
  }
  expect(missing.sort()).toEqual([]);
  // No reason outlives what it excuses.
  expect(excused.size).toBe(REASON_COUNT);
});
