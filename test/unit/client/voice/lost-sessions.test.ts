/** Sessions of a page that are lost: noticed, opened again, told what was said; or given up with the reason. */

import { describe, expect, test } from "vitest";
import { settled } from "../../../fixture/manual-clock.ts";
import { VoicePage } from "../../../fixture/voice/voice-page.ts";

test("a key that no subprotocol can hold is refused without being quoted", async () => {
  const { voice } = new VoicePage({ virtualKey: "secret words" });
  const error = await voice.connect().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: "VoiceError", code: "invalid_api_key" });
  expect(Bun.inspect(error)).not.toContain("secret");
});

describe("a lost session", () => {
  test.each([1001, 1005, 1006, 1011, 1012, 1013])("is opened again after close %i", async (code) => {
    const page = await new VoicePage().connected();
    page.socket.end(code);
    expect(page.voice.isConnected).toBe(false);
    expect(page.of("reconnecting")).toMatchObject([{ attempt: 1 }]);
    await page.clock.advance(1_000);
    page.socket.open();
    await settled();
    expect(page.sockets).toHaveLength(2);
    expect(page.socket.types()).toEqual(["session.update"]);
    expect(page.told.map(([name]) => name)).toEqual(["reconnecting", "reconnected"]);
    expect(page.device.isClosed).toBe(false);
  });

  test.each([1000, 1002, 1008, 1009, 4000])("is over after close %i", async (code) => {
    const page = await new VoicePage().connected();
    page.socket.end(code, "because");
    await settled();
    expect(page.of("disconnected")).toMatchObject([{ error: { closeCode: code, message: "because" } }]);
    expect([page.voice.isConnected, page.device.isClosed, page.clock.pendingTimers]).toEqual([
      false,
      true,
      0,
    ]);
  });

  test.each(["session_expired", "insufficient_quota", "authentication_failed"])(
    "is over where %s was said, whatever the code",
    async (code) => {
      const page = await new VoicePage().connected();
      page.socket.say({ type: "error", error: { code, message: "It is so." } });
      page.socket.end(1001);
      await settled();
      expect(page.of("disconnected")).toMatchObject([{ error: { code, message: "It is so." } }]);
    },
  );

  test("is tried again with growing waits, as often as it may be, and then given up", async () => {
    const page = await new VoicePage({ maxReconnectAttempts: 3 }).connected();
    page.socket.end(1006);
    for (const wait of [1_000, 2_000, 4_000]) {
      const before = page.sockets.length;
      await page.clock.advance(wait - 1);
      expect(page.sockets).toHaveLength(before);
      await page.clock.advance(1);
      expect(page.sockets).toHaveLength(before + 1);
      page.socket.end(1006);
      await settled();
    }
    expect(page.of("reconnecting").map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(page.of("disconnected")).toMatchObject([{ error: { name: "ConnectionError" } }]);
    expect(page.clock.pendingTimers).toBe(0);
  });

  test("is not tried for ever where every new one ends at once, and from the first wait again after a good one", async () => {
    const page = await new VoicePage({ maxReconnectAttempts: 2, heartbeatMs: 60_000 }).connected();
    const endAndReopen = async (wait: number) => {
      page.socket.end(1011);
      await page.clock.advance(wait);
      page.socket.open();
      await settled();
    };
    await endAndReopen(1_000);
    await endAndReopen(2_000);
    await page.clock.advance(30_000);
    await endAndReopen(1_000);
    await endAndReopen(2_000);
    expect(page.sockets).toHaveLength(5);
    page.socket.end(1011);
    await settled();
    expect(page.of("disconnected")).toHaveLength(1);
  });

  test("goes on in a new one that is told what was said, and cuts off what is played of the old", async () => {
    const page = await new VoicePage().connected();
    page.voice.sendText("Good day");
    const done = { type: "response.output_text.done", item_id: "a", text: "And to you" };
    page.socket.say(done);
    page.answers(400);
    page.socket.end(1012);
    await page.clock.advance(1_000);
    page.socket.open();
    await settled();
    expect(page.of("reconnected")).toEqual([{ restoredItems: 2 }]);
    expect(page.socket.sent.slice(1)).toEqual([
      {
        type: "conversation.item.create",
        item: { type: "message", role: "user", content: [{ type: "input_text", text: "Good day" }] },
      },
      {
        type: "conversation.item.create",
        item: { type: "message", role: "assistant", content: [{ type: "output_text", text: "And to you" }] },
      },
    ]);
    expect([page.device.queuedMs, page.voice.turn]).toEqual([0, "idle"]);
  });

  test("keeps the last 100 texts, and 64,000 characters of them", async () => {
    const page = await new VoicePage().connected();
    for (let i = 0; i < 120; i += 1)
      page.socket.say({ type: "response.output_text.done", item_id: `a${i}`, text: `text ${i}` });
    page.socket.end(1012);
    await page.clock.advance(1_000);
    page.socket.open();
    await settled();
    expect(page.of("reconnected")).toEqual([{ restoredItems: 100 }]);
    for (let i = 0; i < 3; i += 1)
      page.socket.say({ type: "response.output_text.done", item_id: `b${i}`, text: "x".repeat(30_000) });
    page.socket.end(1012);
    await page.clock.advance(2_000);
    page.socket.open();
    await settled();
    expect(page.of("reconnected").at(-1)).toEqual({ restoredItems: 2 });
  });

  test("sends nothing of the microphone while it is away, and is left by disconnect", async () => {
    const page = await new VoicePage().connected();
    page.socket.end(1006);
    page.speaks(3);
    await page.voice.disconnect();
    await page.clock.advance(60_000);
    expect(page.sockets).toHaveLength(1);
    expect(page.sockets[0]?.sent).toEqual([]);
    expect(page.of("disconnected")).toEqual([{}]);
  });

  test("waits for the place that its predecessor still has", async () => {
    const page = await new VoicePage().connected();
    page.socket.end(1006);
    await page.clock.advance(1_000);
    page.socket.say({ type: "error", error: { code: "too_many_connections", message: "Five are open." } });
    page.socket.end(1008);
    await settled();
    await page.clock.advance(2_000);
    page.socket.open();
    await settled();
    expect(page.of("reconnected")).toHaveLength(1);
  });
});

describe("a gateway that says nothing any more", () => {
  test("is asked after 15 s, and given up after 10 s more", async () => {
    const page = await new VoicePage().connected();
    await page.clock.advance(14_999);
    expect(page.socket.sent).toEqual([]);
    await page.clock.advance(1);
    expect(page.socket.types()).toEqual(["conduit.ping"]);
    await page.clock.advance(10_000);
    expect(page.of("reconnecting")).toMatchObject([{ attempt: 1, error: { closeCode: 1006 } }]);
    expect(page.socket.closedWith).not.toBeNull();
  });

  test("is not asked while it speaks, and again later once it has answered", async () => {
    const page = await new VoicePage({ heartbeatMs: 5_000 }).connected();
    await page.clock.advance(4_000);
    page.socket.say({ type: "rate_limits.updated" });
    await page.clock.advance(4_000);
    expect(page.socket.sent).toEqual([]);
    await page.clock.advance(1_000);
    page.socket.say({ type: "conduit.pong" });
    await page.clock.advance(10_000);
    expect(page.socket.types()).toEqual(["conduit.ping", "conduit.ping"]);
    expect(page.of("reconnecting")).toEqual([]);
  });

  test("is noticed when a laptop wakes", async () => {
    const page = await new VoicePage().connected();
    await page.clock.pause(3_600_000);
    expect(page.socket.types()).toEqual(["conduit.ping"]);
    await page.clock.advance(10_000);
    expect(page.of("reconnecting")).toHaveLength(1);
  });
});

test("a session that is disposed of is disconnected", async () => {
  const page = await new VoicePage().connected();
  {
    await using voice = page.voice;
    expect(voice.isConnected).toBe(true);
  }
  expect(page.of("disconnected")).toEqual([{}]);
  expect(page.socket.closedWith).toEqual({ code: 1000 });
  await page.voice.disconnect();
  expect(page.of("disconnected")).toHaveLength(1);
});
