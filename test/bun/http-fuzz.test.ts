/** Nothing a client can send makes the gateway answer 500, hang, or leave the error envelope. Seeded: a failure repeats. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY, type GatewayWorld, gatewayWorld } from "../fixture/gateway-world.ts";

/** Change it to look elsewhere. */
const SEED = 20_261_122;
const REQUESTS = 3_000;

const ODD_TEXTS = [
  "",
  " ",
  "a",
  "\u0000",
  "\u0007\u001b[31m",
  "\ud800",
  "🦊".repeat(50),
  "../../etc/passwd",
  "' OR 1=1 --",
  "__proto__",
  "constructor",
  "x".repeat(5_000),
  "1e999",
  "-0",
  "null",
  "64x64",
  "dall-e-3",
  "local/canvas",
  "<script>alert(1)</script>",
  "%00%ff",
  "\r\nx-evil: 1",
];
const ODD_NUMBERS = [0, -0, 1, -1, 0.5, 2, 10, 11, 1e21, 2 ** 53, -(2 ** 53), 1e308, 4_294_967_296];
const FIELDS = [
  "prompt",
  "model",
  "n",
  "size",
  "quality",
  "style",
  "background",
  "output_format",
  "response_format",
  "seed",
  "user",
  "metadata",
  "priority",
  "timeout_seconds",
  "provider_options",
  "stream",
  "partial_images",
  "__proto__",
  "constructor",
  "toString",
  "webhook_url",
  "further",
  "name",
  "enabled",
  "expiresAt",
  "permissions",
  "allowedModels",
];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
const PATHS = [
  "/",
  "/v1",
  "/v1/images/generations",
  "/v1/images/generations/async",
  "/v1/images/edits",
  "/v1/images/generations/{id}",
  "/v1/images/generations/{id}/status",
  "/v1/videos/generations/async",
  "/v1/videos/generations/{id}/status",
  "/v1/tasks",
  "/v1/tasks/{id}",
  "/v1/tasks/{id}/retry",
  "/v1/tasks/{id}/events",
  "/v1/events",
  "/v1/batches",
  "/v1/models",
  "/v1/models/{id}",
  "/v1/key",
  "/v1/media/{id}",
  "/v1/media/2026/11/22/{id}/{id}.png",
  "/admin/v1/keys",
  "/admin/v1/keys/{id}",
  "/admin/v1/keys/{id}/rotate",
  "/admin/v1/models",
  "/admin/v1/providers",
  "/health",
  "/metrics",
  "/{id}",
];
const QUERIES = ["limit", "after", "status", "type", "batchId", "purge", "access_token"];
const HEADERS = [
  "prefer",
  "idempotency-key",
  "x-stainless-retry-count",
  "x-request-id",
  "range",
  "if-range",
  "if-none-match",
  "if-modified-since",
  "last-event-id",
  "origin",
  "access-control-request-method",
  "content-type",
  "accept",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-for",
  "upgrade",
  "x-api-key",
];

/** Mulberry32: small, and good enough to wander with. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

class Wanderer {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** Any JSON value, at most `depth` deep. */
  value(depth: number): unknown {
    switch (this.below(depth > 0 ? 7 : 5)) {
      case 0:
        return null;
      case 1:
        return this.#random() < 0.5;
      case 2:
        return this.one(ODD_NUMBERS);
      case 3:
      case 4:
        return this.one(ODD_TEXTS);
      case 5:
        return Array.from({ length: this.below(4) }, () => this.value(depth - 1));
      default:
        return this.fields(depth - 1);
    }
  }

  fields(depth: number): Record<string, unknown> {
    // Parsed, because only then is `__proto__` a field of its own.
    const entries = Array.from({ length: this.below(6) }, () => {
      return `${JSON.stringify(this.one(FIELDS))}:${JSON.stringify(this.value(depth))}`;
    });
    return JSON.parse(`{${entries.join(",")}}`) as Record<string, unknown>;
  }

  body(): string {
    if (this.below(10) === 0)
      return this.one(["", "{", "[]", "null", "[".repeat(50_000), '{"a":'.repeat(50_000), "\ufeff{}"]);
    const fields = JSON.stringify(this.fields(3)).slice(1);
    // Half of the bodies get past the required fields, so that what lies behind is met as well.
    const required = this.below(2) === 0 ? '"prompt":"a fox","model":"dall-e-3"' : '"name":"a key"';
    return `{${required}${fields === "}" ? "" : ","}${fields}`;
  }

  path(): string {
    const path = this.one(PATHS).replaceAll("{id}", () => {
      const text = this.one([...ODD_TEXTS, "01900000-0000-7000-8000-000000000000", "..%2f", "%", "%zz"]);
      return this.below(2) === 0 ? text.replace(/[^!-~]/g, "") : encodeURIComponent(text.toWellFormed());
    });
    const query = Array.from(
      { length: this.below(3) },
      () =>
        `${this.one(QUERIES)}=${this.below(2) === 0 ? encodeURIComponent(this.one(ODD_TEXTS).toWellFormed()) : "%zz"}`,
    );
    return query.length === 0 ? path : `${path}?${query.join("&")}`;
  }

  headers(): Headers {
    const headers = new Headers();
    const credential = this.one([
      `Bearer ${BOOTSTRAP_KEY}`,
      `Bearer ${BOOTSTRAP_KEY}`,
      `Bearer ${ADMIN_KEY}`,
      "Bearer",
      "Basic x",
    ]);
    headers.set("authorization", credential);
    headers.set("content-type", "application/json");
    for (let count = this.below(4); count > 0; count -= 1) {
      const value = this.one([
        ...ODD_TEXTS,
        "bytes=0-",
        "bytes=9-1",
        "wait=1",
        "0",
        "7",
        "websocket",
        "https",
        "Thu, 99 Foo",
      ]);
      try {
        headers.set(this.one(HEADERS), value.slice(0, 300));
      } catch {
        // What fetch refuses to send cannot arrive.
      }
    }
    return headers;
  }
}

describe("the gateway", () => {
  let world: GatewayWorld;
  beforeAll(async () => {
    world = await gatewayWorld();
    // Everything is answered at once: the requests are what is tested.
    world.provider.always = () => ({
      kind: "failed",
      failure: { kind: "permanent", code: "invalid_request", message: "No." },
    });
  });
  afterAll(() => world.close());

  test(`answers ${REQUESTS} odd requests in the envelope and never with 500 (seed ${SEED})`, async () => {
    const wanderer = new Wanderer(SEED);
    const seen = new Map<number, number>();
    for (let index = 0; index < REQUESTS; index += 1) {
      const method = wanderer.one(METHODS);
      const path = wanderer.path();
      const body = method === "GET" || method === "HEAD" ? null : wanderer.body();
      const headers = wanderer.headers();
      const request = new Request(`http://gateway.test${path}`, {
        method,
        headers,
        body,
      });
      const told = () => `#${index} ${method} ${path} ${JSON.stringify([...headers])} ${body?.slice(0, 500)}`;
      const response = await world.app.fetch(request);
      seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
      expect(response.status, told()).not.toBe(500);
      expect(response.headers.get("x-request-id"), told()).toBeTruthy();
      if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
        await response.body?.cancel();
      } else if (response.status >= 400 && method !== "HEAD") {
        const { error } = (await response.json()) as WireError;
        expect(error.message.length, told()).toBeLessThan(1_000);
        expect(error, told()).toMatchObject({ code: expect.any(String), type: expect.any(String) });
      }
    }
    // It wandered: successes as well as every kind of refusal.
    for (const status of [200, 204, 400, 401, 403, 404, 405])
      expect(seen.get(status) ?? 0, `status ${status}`).toBeGreaterThan(5);
    expect(Object.keys({}), "Object.prototype is as it was").toEqual([]);
    expect(world.log.filter(({ level }) => level === "error")).toEqual([]);
  }, 60_000);
});
