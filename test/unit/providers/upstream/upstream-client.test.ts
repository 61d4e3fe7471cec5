import { describe, expect, test } from "vitest";
import {
  UpstreamClient,
  type UpstreamRequest,
} from "../../../../src/providers/upstream/calls/upstream-client.ts";
import type { TimerHandle } from "../../../../src/tasks/ports/clock.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";
import { bodyOf, type ScriptedAnswer, scriptedFetch } from "../../../fixture/providers/scripted-fetch.ts";
import { failureOf } from "../../../fixture/providers/upstream-errors.ts";

const KEY = "sk-test-key-of-the-account-0123456789";
const NOW = Date.UTC(2026, 10, 21, 10, 30);

function world(...answers: ScriptedAnswer[]) {
  const clock = new ManualClock(NOW);
  const { fetch, asked } = scriptedFetch(...answers);
  const client = new UpstreamClient({ provider: "Painters", fetch, clock });
  const stop = new AbortController();
  const call = (options: Partial<UpstreamRequest> = {}) =>
    client.call({
      method: "POST",
      url: "https://painters.test/v1/paint",
      headers: { authorization: `Bearer ${KEY}` },
      body: "{}",
      signal: stop.signal,
      startsWork: true,
      secrets: [KEY],
      ...options,
    });
  return { clock, asked, call, stop };
}

function refusal(status: number, body: unknown = {}, headers: Record<string, string> = {}): Response {
  return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
}

describe("a call to a provider", () => {
  test("answers JSON, and follows no redirect by itself", async () => {
    const { call, asked } = world(refusal(200, { id: "one" }));
    expect(await (await call()).json()).toEqual({ id: "one" });
    expect(asked[0]?.init.redirect).toBe("manual");
  });

  test.each([
    [401, {}, { kind: "permanent", code: "provider_auth" }],
    [403, {}, { kind: "permanent", code: "provider_auth" }],
    [402, {}, { kind: "permanent", code: "provider_quota" }],
    [429, { error: { code: "insufficient_quota" } }, { kind: "permanent", code: "provider_quota" }],
    [
      429,
      { error: { type: "insufficient_quota", code: null } },
      { kind: "permanent", code: "provider_quota" },
    ],
    [429, { error: { code: "rate_limit_exceeded" } }, { kind: "rate_limited" }],
    [400, { error: { message: "size is wrong" } }, { kind: "permanent", code: "invalid_request" }],
    [413, "", { kind: "permanent", code: "invalid_request" }],
    [
      422,
      { detail: [{ loc: ["body"], msg: "field required", type: "missing" }] },
      { kind: "permanent", code: "invalid_request" },
    ],
    [404, {}, { kind: "permanent", code: "provider_error" }],
    [302, "", { kind: "permanent", code: "provider_error" }],
    [500, "", { kind: "transient", code: "provider_error", mayHaveStarted: true }],
    [502, "<html>bad gateway</html>", { kind: "transient", code: "provider_error", mayHaveStarted: true }],
    [503, "", { kind: "transient", code: "provider_unavailable", mayHaveStarted: false }],
  ])("judges status %i %j", async (status, body, expected) => {
    expect(await failureOf(world(refusal(status, body)).call())).toMatchObject(expected);
  });

  test.each([
    [{ "retry-after-ms": "1500" }, 1_500],
    [{ "retry-after": "7" }, 7_000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after": new Date(NOW + 90_000).toUTCString() }, 90_000],
    [{ "retry-after": new Date(NOW - 90_000).toUTCString() }, 0],
    [{ "retry-after": "86400" }, 3_600_000],
    [{ "retry-after": "soon" }, undefined],
    [{}, undefined],
  ])("waits as long as %j asks for", async (headers, expected) => {
    const failure = await failureOf(world(refusal(429, {}, headers as Record<string, string>)).call());
    expect(failure).toMatchObject({ kind: "rate_limited" });
    expect(failure.kind === "rate_limited" && failure.retryAfterMs).toBe(expected);
  });

  test("quotes a refusal's reason and names the field at fault, so that a caller knows what to change", async () => {
    const failure = await failureOf(
      world(refusal(422, { detail: [{ msg: "size must be 512x512" }, { msg: "n is too large" }] })).call(),
    );
    expect(failure.message).toContain("Painters refused the request: size must be 512x512; n is too large.");
    expect(failure.message).toContain("Change the request");
  });

  test("quotes no input bytes, no key and no address (bifrost#1312)", async () => {
    const bytes = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk".repeat(50);
    const message = `Cannot read data:image/png;base64,${bytes} nor ${bytes} for ${KEY}, see https://painters.test/internal?token=abc \u0000\u0001`;
    const failure = await failureOf(world(refusal(400, { error: { message } })).call());
    for (const secret of ["iVBORw0", KEY, "painters.test", "abc", "\u0000"]) {
      expect(failure.message).not.toContain(secret);
    }
    expect(failure.message).toContain("Cannot read [data] nor [data] for [key], see [address]");
  });

  test("never quotes what comes with a refused key, which some providers repeat in part", async () => {
    const failure = await failureOf(
      world(refusal(401, { error: { message: "Incorrect API key provided: sk-te***6789" } })).call(),
    );
    expect(failure.message).not.toContain("6789");
  });

  test.each([
    ["a web page", "<!DOCTYPE html><html>maintenance</html>"],
    ["an empty body", ""],
    ["something that is no whole JSON", '{"data":[{"b64_json":"AAAA'],
  ])("takes %s behind status 200 for a failure that may pass", async (what, body) => {
    const answer = await world(refusal(200, body)).call();
    expect(await failureOf(answer.json())).toMatchObject({
      kind: "transient",
      code: "provider_error",
      mayHaveStarted: true,
      message: expect.stringContaining(what),
    });
  });

  test("stops reading an answer beyond its bound", async () => {
    let read = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        read += 1;
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
    const answer = await world(new Response(endless)).call();
    expect(await failureOf(answer.json(1_000_000))).toMatchObject({
      kind: "permanent",
      code: "provider_error",
    });
    expect(read).toBeLessThan(25);
  });

  test.each([
    ["Unable to connect", { code: "ConnectionRefused" }, false],
    ["getaddrinfo ENOTFOUND painters.test", { code: "ENOTFOUND" }, false],
    ["client error (Connect): tcp connect error", {}, false],
    ["certificate has expired", { code: "CERT_HAS_EXPIRED" }, false],
    ["The socket connection was closed unexpectedly", { code: "ECONNRESET" }, true],
    ["Network connection lost.", {}, true],
  ])("tells a connection that was never made from one that broke: %s", async (text, extra, started) => {
    const error = Object.assign(new Error(`${text} https://painters.test/v1/paint`), extra);
    const failure = await failureOf(world(error).call());
    expect(failure).toMatchObject({
      kind: "transient",
      code: "provider_unavailable",
      mayHaveStarted: started,
    });
    expect(failure.message).not.toContain("painters.test");
  });

  test("has started nothing when a call that starts no work breaks", async () => {
    const failure = await failureOf(world(new Error("reset")).call({ startsWork: false }));
    expect(failure).toMatchObject({ mayHaveStarted: false });
  });

  test("gives up when the headers do not come in time, whether or not the connection listens", async () => {
    const { call, clock } = world(() => new Promise<Response>(() => {}));
    const failing = failureOf(call({ headersMs: 30_000 }));
    await clock.advance(30_000);
    expect(await failing).toMatchObject({
      kind: "transient",
      code: "provider_unavailable",
      mayHaveStarted: true,
    });
    expect(clock.pendingTimers).toBe(0);
  });

  test("gives up when the answer falls silent, and ends the request", async () => {
    const { call, clock, asked } = world(() => new Response(bodyOf(['{"a":'], "silent")));
    const answer = await call({ chunkMs: 5_000 });
    const failing = failureOf(answer.json());
    await clock.advance(5_000);
    expect(await failing).toMatchObject({ kind: "transient", code: "provider_unavailable" });
    expect(asked[0]?.init.signal?.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test("says that the connection broke in the middle of the answer, without its words", async () => {
    const answer = await world(() => new Response(bodyOf(['{"a":'], "broken"))).call();
    const failure = await failureOf(answer.json());
    expect(failure).toMatchObject({ kind: "transient", mayHaveStarted: true });
    expect(failure.message).not.toContain("secret");
  });

  test("ends at once when the step is stopped, before the headers and within the answer", async () => {
    const before = world(() => new Promise<Response>(() => {}));
    const waiting = failureOf(before.call());
    before.stop.abort();
    expect(await waiting).toMatchObject({
      kind: "transient",
      message: expect.stringContaining("interrupted"),
    });

    const within = world(() => new Response(bodyOf(["{"], "silent")));
    const reading = failureOf((await within.call()).json());
    within.stop.abort();
    expect(await reading).toMatchObject({
      kind: "transient",
      message: expect.stringContaining("interrupted"),
    });
    expect(within.clock.pendingTimers).toBe(0);
  });

  test("ends an answer of one chunk every 10 seconds for ever with the step's own deadline", async () => {
    const { call, clock, stop } = world(() => {
      let drop: TimerHandle | null = null;
      const dripping = new ReadableStream<Uint8Array>({
        pull: (controller) =>
          new Promise((resolve) => {
            drop = clock.after(10_000, () => {
              controller.enqueue(new Uint8Array([0x20]));
              resolve();
            });
          }),
        cancel: () => drop?.cancel(),
      });
      return new Response(dripping);
    });
    clock.after(300_000, () => stop.abort());
    let ended = false;
    const failing = failureOf((await call()).json()).finally(() => {
      ended = true;
    });
    await clock.advance(299_000);
    expect(ended).toBe(false);
    await clock.advance(1_000);
    expect(await failing).toMatchObject({ kind: "transient", mayHaveStarted: true });
  });

  test("sends nothing for a step that was stopped before", async () => {
    const { call, stop, asked } = world();
    stop.abort();
    expect(await failureOf(call())).toMatchObject({ mayHaveStarted: false });
    expect(asked).toEqual([]);
  });
});
