import { describe, expect, test } from "vitest";
import { qstashHealth } from "../../../src/queues/qstash-health.ts";
import { QStashSignatures } from "../../../src/queues/qstash-signatures.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import { type DeliveryClaims, signDelivery } from "../../fixture/qstash/signing.ts";

const KEYS = { current: "sig_current_of_the_tests", next: "sig_next_of_the_tests" };
const PUBLIC_URL = "https://gateway.example/conduit";
const PATH = "/v1/queue/step";
const BODY = '{"lane":"image","taskId":"019aa7f3-1c2d-7abc-8def-0123456789ab","step":0,"again":0}';
const MINUTE_SECONDS = 60;

describe("the signature of a delivery", () => {
  test.each([
    ["the current key", KEYS.current],
    ["the next key, after a rotation that is not known here yet", KEYS.next],
  ])("holds with %s", async (_name, key) => {
    expect(await judge(sign(key))).toEqual({ genuine: true });
  });

  test.each([
    ["another region's or project's key", sign("sig_of_somebody_else"), "not signed with one of the two"],
    ["an empty key", sign("\0"), "not signed with one of the two"],
    [
      "another address",
      sign(KEYS.current, { sub: "https://gateway.example/v1/queue/step" }),
      "another address",
    ],
    ["another path", sign(KEYS.current, { sub: `${PUBLIC_URL}/v1/queue/failed` }), "another address"],
    [
      "the same address with a query",
      sign(KEYS.current, { sub: `${PUBLIC_URL}${PATH}?a=1` }),
      "another address",
    ],
    ["another issuer", sign(KEYS.current, { iss: "Somebody" }), "not signed with one of the two"],
    ["the hash of another body", sign(KEYS.current, { body: "AAAA" }), "not the one that was signed"],
    ["no text", "", "not signed with one of the two"],
    ["nonsense", "a.b.c", "not signed with one of the two"],
    ["two parts only", sign(KEYS.current).split(".").slice(0, 2).join("."), "not signed with one of the two"],
  ])("does not hold with %s", async (_name, signature, reason) => {
    expect(await judge(signature)).toEqual({ genuine: false, reason: expect.stringContaining(reason) });
  });

  test.each([
    ["the current key", KEYS.current],
    ["the next key", KEYS.next],
  ])("does not hold before or after its time, and says so, with %s", async (_name, key) => {
    expect(await judge(signAt(key, -10 * MINUTE_SECONDS))).toEqual({
      genuine: false,
      reason: "it has expired",
    });
    expect(await judge(signAt(key, 10 * MINUTE_SECONDS))).toEqual({
      genuine: false,
      reason: "it is not valid yet",
    });
  });

  test("holds for the public address however the operator spells it", async () => {
    const signatures = new QStashSignatures(KEYS, "https://Gateway.Example:443/conduit", new ManualClock());
    expect(await signatures.judge(sign(KEYS.current), bytes(BODY), PATH)).toEqual({ genuine: true });
  });

  test("holds across clocks that differ by a few seconds", async () => {
    expect(await judge(signAt(KEYS.current, 3))).toEqual({ genuine: true });
  });

  test("does not hold without its algorithm", async () => {
    const [, claims] = sign(KEYS.current).split(".");
    const header = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    expect(await judge(`${header}.${claims}.`)).toMatchObject({ genuine: false });
  });

  test("does not hold without a hash of the body", async () => {
    const signature = sign(KEYS.current, { body: undefined as unknown as string });
    expect(await judge(signature)).toEqual({ genuine: false, reason: "the signature cannot be read" });
  });

  test.each([
    ["one character more", `${BODY} `],
    ["another order", '{"taskId":"019aa7f3-1c2d-7abc-8def-0123456789ab","lane":"image","step":0,"again":0}'],
    ["a byte order mark before it", `\u{feff}${BODY}`],
    ["nothing", ""],
  ])("does not hold for a body with %s", async (_name, body) => {
    expect(await judge(sign(KEYS.current), body)).toEqual({
      genuine: false,
      reason: "the body is not the one that was signed",
    });
  });

  test("is over the bytes, not over what they might be read as", async () => {
    const signed = signDelivery(KEYS.current, PUBLIC_URL + PATH, "\u{fffd}", Date.now());
    const verdict = await make().judge(signed, Uint8Array.of(0xff), PATH);
    expect(verdict).toMatchObject({ genuine: false, reason: expect.stringContaining("no UTF-8 text") });
  });

  test("holds for a signed body that begins with a byte order mark", async () => {
    const body = `\u{feff}${BODY}`;
    const signature = signDelivery(KEYS.current, PUBLIC_URL + PATH, body, Date.now());
    expect(await judge(signature, body)).toEqual({ genuine: true });
  });

  test("says nothing of the keys when it does not hold", async () => {
    for (const signature of [sign("sig_of_somebody_else"), signAt(KEYS.next, -900), "a.b.c"]) {
      expect(JSON.stringify(await judge(signature))).not.toContain("sig_");
    }
  });
});

describe("a delivery that was taken", () => {
  test("is not taken a second time, also with its signature spelled otherwise", async () => {
    const signatures = make();
    const signature = sign(KEYS.current);
    expect(await signatures.judge(signature, bytes(BODY), PATH)).toEqual({ genuine: true });
    const repeated = { genuine: false, reason: "this very delivery was taken before" };
    expect(await signatures.judge(signature, bytes(BODY), PATH)).toEqual(repeated);
    for (const other of otherSpellings(signature)) {
      expect(await signatures.judge(other, bytes(BODY), PATH)).toMatchObject({ genuine: false });
    }
  });

  test("does not stand in the way of the queue's own next try, which is signed anew", async () => {
    const signatures = make();
    expect(await signatures.judge(sign(KEYS.current), bytes(BODY), PATH)).toEqual({ genuine: true });
    expect(await signatures.judge(sign(KEYS.current), bytes(BODY), PATH)).toEqual({ genuine: true });
  });

  test("may come again when it came to nothing", async () => {
    const signatures = make();
    const signature = sign(KEYS.current);
    await signatures.judge(signature, bytes(BODY), PATH);
    signatures.release(signature);
    expect(await signatures.judge(signature, bytes(BODY), PATH)).toEqual({ genuine: true });
  });

  test("is not remembered when it was not genuine", async () => {
    const signatures = make();
    const signature = sign(KEYS.current);
    await signatures.judge(signature, bytes("{}"), PATH);
    expect(await signatures.judge(signature, bytes(BODY), PATH)).toEqual({ genuine: true });
  });

  test("is forgotten once its signature has run out", async () => {
    const clock = new ManualClock();
    const signatures = new QStashSignatures(KEYS, PUBLIC_URL, clock);
    const signature = sign(KEYS.current);
    await signatures.judge(signature, bytes(BODY), PATH);
    await clock.advance(331_000);
    await signatures.judge(sign(KEYS.current), bytes(BODY), PATH);
    expect(await signatures.judge(signature, bytes(BODY), PATH)).toEqual({ genuine: true });
  });
});

describe("the health of the queue", () => {
  const rings = { status: "ok", ringsSent: 3, ringsFailed: 0 } as const;

  test("is ok before anything came, and after a genuine delivery whatever else came", async () => {
    const signatures = make();
    expect(qstashHealth({ health: () => rings }, signatures)).toEqual({
      ...rings,
      deliveriesTaken: 0,
      deliveriesRefused: 0,
    });
    await signatures.judge("a.b.c", bytes(BODY), PATH);
    await signatures.judge(sign(KEYS.current), bytes(BODY), PATH);
    await signatures.judge("a.b.c", bytes(BODY), PATH);
    expect(signatures.health()).toEqual({ status: "ok", deliveriesTaken: 1, deliveriesRefused: 2 });
  });

  test("is degraded while not one delivery was genuine, and says what to compare", async () => {
    const signatures = make();
    await signatures.judge(sign("sig_of_another_region"), bytes(BODY), PATH);
    const health = qstashHealth({ health: () => rings }, signatures);
    expect(health).toMatchObject({ status: "degraded", ringsSent: 3, deliveriesRefused: 1 });
    expect(health.detail).toContain("signed with one of the two signing keys");
    expect(health.detail).toContain("compare the signing keys, the region and the public address");
    expect(health.detail).not.toContain("sig_");
  });

  test("is degraded when rings cannot be sent, and tells of both", async () => {
    const signatures = make();
    await signatures.judge("a.b.c", bytes(BODY), PATH);
    const failing = { ...rings, status: "degraded", detail: "rings cannot be sent" } as const;
    expect(qstashHealth({ health: () => failing }, signatures).detail).toMatch(
      /^rings cannot be sent; no delivery was QStash's so far/,
    );
  });
});

function make(): QStashSignatures {
  return new QStashSignatures(KEYS, PUBLIC_URL, new ManualClock());
}

function judge(signature: string, body = BODY) {
  return make().judge(signature, bytes(body), PATH);
}

function sign(key: string, changes: Partial<DeliveryClaims> = {}): string {
  return signDelivery(key, PUBLIC_URL + PATH, BODY, Date.now(), changes);
}

/** Signed by a clock that is off by so many seconds. */
function signAt(key: string, seconds: number): string {
  return signDelivery(key, PUBLIC_URL + PATH, BODY, Date.now() + seconds * 1_000);
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The same bytes of a signature in other letters: the last one of 43 holds two bits that count for nothing. */
function otherSpellings(signature: string): string[] {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(signature.slice(-1));
  return [0, 1, 2, 3].map((bits) => signature.slice(0, -1) + alphabet[(last & ~3) | bits]);
}
