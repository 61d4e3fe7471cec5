import { Hono } from "hono";
import { beforeEach, describe, expect, test } from "vitest";
import type { HttpEnv } from "../../../src/http/exchange.ts";
import { noRoute } from "../../../src/http/middleware/method-not-allowed.ts";
import { errorResponse } from "../../../src/http/response/error-response.ts";
import { mountQStash } from "../../../src/queues/qstash-routes.ts";
import { QStashSignatures } from "../../../src/queues/qstash-signatures.ts";
import type { RungTask } from "../../../src/tasks/ports/doorbell.ts";
import { StoreUnavailableError } from "../../../src/tasks/ports/store-error.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { signDelivery } from "../../fixture/qstash/signing.ts";
import { recordingLog } from "../../fixture/recording-log.ts";

const PUBLIC_URL = "https://gateway.example";
const STEP = "/v1/queue/step";
const FAILED = "/v1/queue/failed";
const KEYS = { current: "sig_current_of_the_tests", next: "sig_next_of_the_tests" };
const TASK = { id: "019aa7f3-1c2d-7abc-8def-0123456789ab", fence: 3 };
const RING = { lane: "image", taskId: TASK.id, step: 2, again: 0 };

type Report = { task: RungTask; dueAt: number | null; leftDelivery: boolean } | null;

let clock: ManualClock;
let log: ReturnType<typeof recordingLog>;
/** What the next step comes to. */
let report: Report | Error;
/** When the lane's next work is due. */
let nextDueAt: number | null | Error;
let cleaned: number;
let workAt: number | null;
let ran: string[];
let rung: unknown[];
let keptOpen: number;
let app: Hono<HttpEnv>;

beforeEach(() => {
  clock = new ManualClock();
  log = recordingLog();
  report = null;
  nextDueAt = null;
  cleaned = 0;
  workAt = null;
  ran = [];
  rung = [];
  keptOpen = 0;
  app = new Hono<HttpEnv>();
  app.use("*", async (c, next) => {
    c.set("exchange", {
      requestId: "request-1",
      startedAt: 0,
      principal: null,
      taskId: null,
      accepted: false,
    });
    await next();
  });
  app.onError((thrown, c) => errorResponse(thrown, c, log));
  app.notFound((c) => noRoute(app, c));
  mountQStash(app, {
    signatures: new QStashSignatures(KEYS, PUBLIC_URL, clock),
    worker: {
      runNext: async (lane) => {
        ran.push(lane);
        if (report instanceof Error) throw report;
        return report;
      },
      nextDueAt: async () => {
        if (nextDueAt instanceof Error) throw nextDueAt;
        return nextDueAt;
      },
      clean: async () => {
        cleaned += 1;
        return workAt;
      },
    },
    doorbell: {
      ringFor: (occasion, lane, atMs, task) =>
        rung.push({ occasion, lane, inMs: atMs - clock.now(), id: task.id, fence: task.fence }),
      ringForWork: (atMs) => rung.push({ occasion: "work", inMs: atMs - clock.now() }),
      ringAgain: (message, atMs) => rung.push({ ...message, inMs: atMs - clock.now() }),
    },
    host: { keepOpen: () => (keptOpen += 1) },
    clock,
    log,
  });
});

test("webhooks are told of a task that has ended, after what rings for more work is sent, and of no other", async () => {
  report = { task: { ...TASK, status: "running" }, dueAt: clock.now(), leftDelivery: false };
  await send(STEP, JSON.stringify(RING), sign(STEP, RING));
  expect(cleaned).toBe(0);
  report = { task: { ...TASK, status: "completed" }, dueAt: null, leftDelivery: true };
  await send(STEP, JSON.stringify(RING), sign(STEP, RING));
  expect(cleaned).toBe(1);
});

test("due work is done where nothing was claimed too: a cancel rings as well", async () => {
  expect((await send(STEP, JSON.stringify(RING), sign(STEP, RING))).status).toBe(204);
  expect([ran, cleaned, rung]).toEqual([["image"], 1, []]);
});

test("due work that comes later is rung for, and such a ring does it without claiming anything", async () => {
  report = { task: { ...TASK, status: "completed" }, dueAt: null, leftDelivery: true };
  workAt = clock.now() + 5_000;
  await send(STEP, JSON.stringify(RING), sign(STEP, RING));
  expect(rung).toEqual([{ occasion: "work", inMs: 5_000 }]);
  const forWork = { ...RING, taskId: "work-1", work: true };
  workAt = clock.now() + 10_000;
  expect((await send(STEP, JSON.stringify(forWork), sign(STEP, forWork))).status).toBe(204);
  expect([ran, cleaned]).toEqual([["image"], 2]);
  expect(rung.at(-1)).toEqual({ occasion: "work", inMs: 10_000 });
});

describe("who may ring", () => {
  test("nobody without a signature, and nothing is read or run for him", async () => {
    for (const path of [STEP, FAILED]) {
      const response = await send(path, "not even JSON", null);
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({
        error: { code: "invalid_signature", message: expect.stringContaining("no Upstash-Signature came") },
      });
    }
    expect(ran).toEqual([]);
  });

  test.each([
    ["another key", () => sign(STEP, RING, "sig_of_another_region")],
    ["another path", () => sign(FAILED, RING)],
    ["another body", () => sign(STEP, { ...RING, lane: "video" })],
    ["an expired one", () => sign(STEP, RING, KEYS.current, -600)],
    ["one from the future", () => sign(STEP, RING, KEYS.current, 600)],
  ])("nobody with a signature of %s: 401, which the queue may try again", async (_name, signature) => {
    const response = await send(STEP, JSON.stringify(RING), signature());
    expect(response.status).toBe(401);
    expect(response.headers.has("upstash-nonretryable-error")).toBe(false);
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe("invalid_signature");
    expect(error.message).not.toContain("sig_");
    expect(ran).toEqual([]);
    expect(log.lines).toMatchObject([{ level: "warn", message: "a delivery was refused" }]);
  });

  test("the queue, with the current key and with the next one", async () => {
    for (const key of [KEYS.current, KEYS.next]) {
      expect((await send(STEP, JSON.stringify(RING), sign(STEP, RING, key))).status).toBe(204);
    }
    expect(ran).toEqual(["image", "image"]);
  });

  test("nobody who repeats a delivery", async () => {
    const signature = sign(STEP, RING);
    expect((await send(STEP, JSON.stringify(RING), signature)).status).toBe(204);
    expect((await send(STEP, JSON.stringify(RING), signature)).status).toBe(401);
    expect(ran).toEqual(["image"]);
  });

  test("nobody by another method", async () => {
    const response = await app.request(`${PUBLIC_URL}${STEP}`);
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST, OPTIONS");
  });

  test("is told when a delivery is larger than any ring", async () => {
    const body = JSON.stringify({ ...RING, padding: "x".repeat(5_000) });
    expect((await send(STEP, body, "a.b.c")).status).toBe(413);
  });
});

describe("a ring", () => {
  test("runs one step and rings for the task's next one at its time", async () => {
    report = { task: TASK, dueAt: clock.now() + 4_000, leftDelivery: false };
    nextDueAt = report.dueAt;
    const response = await ring(RING);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ ran: TASK.id, step: 3 });
    expect(ran).toEqual(["image"]);
    expect(rung).toEqual([{ occasion: "step", lane: "image", inMs: 4_000, id: TASK.id, fence: 3 }]);
    expect(keptOpen).toBe(1);
  });

  test("rings for other work that is due when its own step is done", async () => {
    report = { task: TASK, dueAt: null, leftDelivery: false };
    nextDueAt = 0;
    await ring(RING);
    expect(rung).toEqual([{ occasion: "more", lane: "image", inMs: 0, id: TASK.id, fence: 3 }]);
  });

  test("rings for nothing when nothing more is due", async () => {
    report = { task: TASK, dueAt: null, leftDelivery: false };
    nextDueAt = clock.now() + 60_000;
    await ring(RING);
    expect(rung).toEqual([]);
  });

  test("for an unknown or finished task finds nothing, which is no error", async () => {
    const response = await ring({ ...RING, taskId: "nobody-knows-it" });
    expect(response.status).toBe(204);
    expect(rung).toEqual([]);
  });

  test("ends quietly when as many steps run as may: each of them rings at its end", async () => {
    nextDueAt = 0;
    expect((await ring(RING)).status).toBe(204);
    expect(rung).toEqual([]);
  });

  test("that came a moment too early by the store's clock is rung once more", async () => {
    nextDueAt = clock.now() + 700;
    expect((await ring(RING)).status).toBe(204);
    expect(rung).toEqual([{ occasion: "early", lane: "image", inMs: 700, id: TASK.id, fence: 2 }]);
  });

  test("for what fell due while the store answered is rung once more", async () => {
    nextDueAt = clock.now() - 200;
    expect((await ring(RING)).status).toBe(204);
    expect(rung).toEqual([{ occasion: "early", lane: "image", inMs: 1, id: TASK.id, fence: 2 }]);
  });

  test("of another release, with fields unknown here or without new ones, is understood", async () => {
    expect((await ring({ lane: "video", taskId: "t", step: 0, colour: "red" })).status).toBe(204);
    expect(ran).toEqual(["video"]);
  });

  test.each([
    ["no JSON", "lane=image"],
    ["a list", "[]"],
    ["an unknown lane", JSON.stringify({ ...RING, lane: "audio" })],
    ["no task", JSON.stringify({ lane: "image", step: 0 })],
    ["a step that is no count", JSON.stringify({ ...RING, step: -1 })],
    ["nothing", ""],
  ])("with %s is refused for good", async (_name, body) => {
    const response = await send(STEP, body, sign(STEP, body));
    expect(response.status).toBe(489);
    expect(response.headers.get("upstash-nonretryable-error")).toBe("true");
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining("lane") } });
    expect(ran).toEqual([]);
  });

  test("is to come again later when the store is away, and the same delivery is taken then", async () => {
    report = new StoreUnavailableError("broken", "the store is away");
    const signature = sign(STEP, RING);
    const response = await send(STEP, JSON.stringify(RING), signature);
    expect(response.status).toBe(503);
    // QStash follows this header: with the usual second its three retries would be over at once.
    expect(response.headers.get("retry-after")).toBe("30");
    report = null;
    expect((await send(STEP, JSON.stringify(RING), signature)).status).toBe(204);
  });

  test("whose step breaks is answered 500, for the queue to try again", async () => {
    report = new Error("a bug");
    const response = await ring(RING);
    expect(response.status).toBe(500);
    expect(response.headers.has("upstash-nonretryable-error")).toBe(false);
  });

  test("whose step is done is answered as done although nobody can say what is next", async () => {
    report = { task: TASK, dueAt: clock.now() + 1_000, leftDelivery: false };
    nextDueAt = new StoreUnavailableError("broken", "the store is away");
    expect((await ring(RING)).status).toBe(200);
    expect(rung).toMatchObject([{ occasion: "step" }]);
  });
});

describe("word of a ring that the queue gave up", () => {
  test("is logged with its task, and the step is rung for once more, later", async () => {
    const response = await fail({ status: 500, sourceBody: RING, sourceMessageId: "msg_7", dlqId: "dlq_1" });
    expect(response.status).toBe(204);
    expect(rung).toEqual([{ ...RING, again: 1, inMs: 30_000 }]);
    expect(log.lines).toMatchObject([
      {
        level: "error",
        message: "queue gave up on a ring",
        fields: { taskId: TASK.id, status: 500, messageId: "msg_7", deadLetter: "dlq_1", rungAgain: true },
      },
    ]);
  });

  test.each([
    ["was rung for again already", { status: 500, sourceBody: { ...RING, again: 1 } }],
    ["was refused for good", { status: 489, sourceBody: RING }],
    ["was none of ours", { status: 500, sourceBody: { hello: "world" } }],
  ])("leaves it to the sweep when it %s", async (_name, word) => {
    expect((await fail(word)).status).toBe(204);
    expect(rung).toEqual([]);
    expect(log.lines).toMatchObject([{ level: "error", fields: { rungAgain: false } }]);
  });

  test.each([
    ["no JSON", "x"],
    ["no message", "{}"],
    ["a message that is no base64", '{"status":500,"sourceBody":"%%%"}'],
  ])("with %s ends nothing and rings for nothing", async (_name, body) => {
    const response = await send(FAILED, body, sign(FAILED, body));
    expect([204, 489]).toContain(response.status);
    expect(rung).toEqual([]);
    expect(ran).toEqual([]);
  });
});

function ring(message: Record<string, unknown>): Promise<Response> {
  return send(STEP, JSON.stringify(message), sign(STEP, message));
}

function fail(word: Record<string, unknown>): Promise<Response> {
  const sourceBody = Buffer.from(JSON.stringify(word.sourceBody)).toString("base64");
  const body = JSON.stringify({ retried: 3, ...word, sourceBody });
  return send(FAILED, body, sign(FAILED, body));
}

async function send(path: string, body: string, signature: string | null): Promise<Response> {
  // A proxy in front: the address that came is not the one that was signed.
  return app.request(`http://10.0.0.7:8787${path}`, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "x-forwarded-host": "somewhere.else",
      ...(signature === null ? {} : { "upstash-signature": signature }),
    },
  });
}

/** Signs as QStash does, by a clock that is off by `seconds`. */
function sign(path: string, body: unknown, key = KEYS.current, seconds = 0): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return signDelivery(key, PUBLIC_URL + path, text, Date.now() + seconds * 1_000);
}
