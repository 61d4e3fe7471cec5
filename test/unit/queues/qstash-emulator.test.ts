/** The emulator keeps to what QStash does, as far as the gateway relies on it; the real client speaks to it. */

import { Client, Receiver } from "@upstash/qstash";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { QStashApi } from "../../fixture/qstash/api.ts";
import { QStashEmulator } from "../../fixture/qstash/emulator.ts";
import { Faults, NO_FAULTS } from "../../fixture/qstash/faults.ts";

const STEP_URL = "https://gateway.example/v1/queue/step";
const FAILED_URL = "https://gateway.example/v1/queue/failed";

let clock: ManualClock;
let emulator: QStashEmulator;
let client: Client;
let deliveries: { atMs: number; url: string; body: string; headers: Headers }[];
/** What the destination answers; the last one stays. */
let answers: (() => Response | Promise<Response>)[];
const faults = new Faults(1, NO_FAULTS);

beforeEach(() => {
  clock = new ManualClock();
  faults.rates = NO_FAULTS;
  deliveries = [];
  answers = [() => new Response()];
  const startedAt = clock.now();
  emulator = new QStashEmulator({
    token: "token",
    keys: { current: "current", next: "next" },
    clock,
    faults,
    deliver: async (request) => {
      const { url, headers } = request;
      deliveries.push({ atMs: clock.now() - startedAt, url, headers, body: await request.text() });
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
      return answer();
    },
  });
  const api = new QStashApi(emulator);
  vi.stubGlobal("fetch", (input: string, init: RequestInit) => api.handle(new Request(input, init)));
  vi.spyOn(console, "error").mockImplementation(() => {});
  client = new Client({
    token: "token",
    baseUrl: "https://qstash.test",
    devMode: false,
    enableTelemetry: false,
    retry: false,
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("the QStash emulator", () => {
  test("delivers what was published, signed so that the real receiver takes it", async () => {
    const { messageId } = await client.publishJSON({
      url: STEP_URL,
      body: { a: 1 },
      headers: { "X-Mine": "yes" },
    });
    await pass(0);
    const [delivery] = deliveries;
    expect(delivery).toMatchObject({ url: STEP_URL, body: '{"a":1}' });
    expect(delivery?.headers.get("x-mine")).toBe("yes");
    expect(delivery?.headers.get("content-type")).toBe("application/json");
    expect(delivery?.headers.get("upstash-message-id")).toBe(messageId);
    const receiver = new Receiver({ currentSigningKey: "current", nextSigningKey: "next", devMode: false });
    const signature = delivery?.headers.get("upstash-signature") ?? "";
    expect(await receiver.verify({ signature, body: '{"a":1}', url: STEP_URL })).toBe(true);
  });

  test("signs with the next key once the keys are rolled", async () => {
    const rolled = emulator.rollKeys();
    expect(rolled.current).toBe("next");
    await client.publishJSON({ url: STEP_URL, body: {} });
    await pass(0);
    const receiver = new Receiver({ currentSigningKey: "current", nextSigningKey: "next", devMode: false });
    const signature = deliveries[0]?.headers.get("upstash-signature") ?? "";
    expect(await receiver.verify({ signature, body: "{}", url: STEP_URL })).toBe(true);
  });

  test("waits as long as it is asked to", async () => {
    await client.publishJSON({ url: STEP_URL, body: {}, delay: 90 });
    await pass(89_999);
    expect(deliveries).toEqual([]);
    await pass(1);
    expect(deliveries.length).toBe(1);
  });

  test("takes an id once within ten minutes, and refuses one with a colon", async () => {
    const first = await client.publishJSON({ url: STEP_URL, body: {}, deduplicationId: "task-1" });
    const again = await client.publishJSON({ url: STEP_URL, body: {}, deduplicationId: "task-1" });
    expect(again).toMatchObject({ messageId: first.messageId, deduplicated: true });
    await pass(600_000);
    await client.publishJSON({ url: STEP_URL, body: {}, deduplicationId: "task-1" });
    await pass(0);
    expect(deliveries.length).toBe(2);
    const refused = client.publishJSON({ url: STEP_URL, body: {}, deduplicationId: "task:1" });
    await expect(refused).rejects.toThrow("DeduplicationId cannot contain ':'");
  });

  test("tries again after 12 s, 148 s and half an hour, then buries the message and tells the callback", async () => {
    answers = [() => new Response("broken", { status: 500 })];
    await client.publishJSON({ url: STEP_URL, body: { a: 1 }, retries: 3, failureCallback: FAILED_URL });
    await pass(3_000_000);
    const steps = deliveries.filter(({ url }) => url === STEP_URL);
    expect(steps.map(({ atMs }) => Math.round(atMs / 1_000))).toEqual([0, 12, 161, 1_969]);
    expect(steps.map(({ headers }) => headers.get("upstash-retried"))).toEqual(["0", "1", "2", "3"]);
    expect(new Set(steps.map(({ headers }) => headers.get("upstash-signature"))).size).toBe(4);
    const word = JSON.parse(deliveries.find(({ url }) => url === FAILED_URL)?.body ?? "{}");
    expect(word).toMatchObject({ status: 500, retried: 3, maxRetries: 3, url: STEP_URL });
    expect(atob(word.sourceBody)).toBe('{"a":1}');
    expect(await client.dlq.listMessages()).toMatchObject({
      messages: [{ url: STEP_URL, dlqId: word.dlqId }],
    });
  });

  test("waits as long as the destination asks for", async () => {
    answers = [
      () => new Response(null, { status: 503, headers: { "retry-after": "30" } }),
      () => new Response(),
    ];
    await client.publishJSON({ url: STEP_URL, body: {} });
    await pass(40_000);
    expect(deliveries.map(({ atMs }) => atMs)).toEqual([0, 30_000]);
  });

  test("stops at once at 489 with its header, and only then", async () => {
    answers = [() => new Response(null, { status: 489, headers: { "upstash-nonretryable-error": "true" } })];
    await client.publishJSON({ url: STEP_URL, body: {} });
    await pass(0);
    expect(emulator.deadLetters.length).toBe(1);
    answers = [() => new Response(null, { status: 489 })];
    await client.publishJSON({ url: STEP_URL, body: {}, retries: 1 });
    await pass(20_000);
    expect(deliveries.length).toBe(3);
  });

  test("gives up on an answer after the time limit of the message", async () => {
    answers = [() => new Promise(() => {}), () => new Response()];
    await client.publishJSON({ url: STEP_URL, body: {}, timeout: 60 });
    await pass(60_000 + 13_000);
    expect(deliveries.length).toBe(2);
    expect(emulator.counts).toMatchObject({ delivered: 1, retries: 1 });
  });

  test("takes batches, tells of messages and takes them back", async () => {
    const receipts = await client.batchJSON([
      { url: STEP_URL, body: { n: 1 }, delay: 5 },
      { url: STEP_URL, body: { n: 2 }, delay: 5 },
    ]);
    const ids = receipts.map((receipt) => ("messageId" in receipt ? receipt.messageId : ""));
    expect(await client.messages.get(ids[0]!)).toMatchObject({ url: STEP_URL, messageId: ids[0] });
    await client.messages.delete(ids[0]!);
    await pass(5_000);
    expect(deliveries.map(({ body }) => body)).toEqual(['{"n":2}']);
  });

  test("refuses another token and what is no address", async () => {
    const stranger = new Client({
      token: "other",
      baseUrl: "https://qstash.test",
      devMode: false,
      retry: false,
    });
    await expect(stranger.publishJSON({ url: STEP_URL, body: {} })).rejects.toMatchObject({ status: 401 });
    await expect(client.publishJSON({ url: "gateway", body: {} })).rejects.toMatchObject({ status: 400 });
  });

  test("loses, doubles, delays and swaps as many messages as it is told to, the same ones for the same seed", async () => {
    const fates = (seed: number) => {
      const drawn = new Faults(seed, { duplicate: 0.2, drop: 0.1, late: 0.3, swap: 0.4 });
      return Array.from({ length: 1_000 }, () => drawn.draw());
    };
    const drawn = fates(7);
    expect(drawn).toEqual(fates(7));
    expect(drawn).not.toEqual(fates(8));
    const share = (count: number) => Math.round(count / 100) / 10;
    expect(share(drawn.filter(({ dropped }) => dropped).length)).toBe(0.1);
    expect(share(drawn.filter(({ againAfterMs }) => againAfterMs !== null).length)).toBe(0.2);
    expect(share(drawn.filter(({ lateMs }) => lateMs > 0).length)).toBe(0.3);
    expect(share(drawn.filter(({ swapped }) => swapped).length)).toBe(0.4);
  });

  test("delivers a swapped message after the next one", async () => {
    faults.rates = { ...NO_FAULTS, swap: 1 };
    await client.publishJSON({ url: STEP_URL, body: { n: 1 } });
    await clock.advance(0);
    faults.rates = NO_FAULTS;
    await client.publishJSON({ url: STEP_URL, body: { n: 2 } });
    await pass(0);
    expect(deliveries.map(({ body }) => body)).toEqual(['{"n":2}', '{"n":1}']);
  });
});

async function pass(ms: number): Promise<void> {
  await clock.advance(ms);
  await settled();
}
