/** Domain events on their way: through the whole gateway to an HTTP sink that has good and bad days. */

import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createHttpSink } from "../../src/events/http-sink.ts";
import { EventSender } from "../../src/events/sender.ts";
import { DOMAIN_EVENT_TYPES } from "../../src/protocol/domain-event.ts";
import { openSqliteFile } from "../../src/runtime/bun/sqlite-file.ts";
import { createSqliteStore, type SqliteStore } from "../../src/stores/sqlite/store.ts";
import { EventSinkServer } from "../fixture/event-sink-server.ts";
import { ManualClock, settled } from "../fixture/manual-clock.ts";
import { recordingLog } from "../fixture/recording-log.ts";
import { taskDraft } from "../fixture/task-draft.ts";
import { virtualKey } from "../fixture/virtual-key.ts";

const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    void response.writeHead(code, headers).end("what it says is nobody's business");

let clock: ManualClock;
let sink: EventSinkServer;
let url: string;
let store: SqliteStore;
let made: number;
const SECRET = "sink-secret-0123456789";

beforeEach(async () => {
  clock = new ManualClock();
  sink = await EventSinkServer.start();
  url = sink.url;
  made = 0;
  store = createSqliteStore({
    database: openSqliteFile(":memory:"),
    now: () => clock.now(),
    outbox: () => ({ types: new Set(DOMAIN_EVENT_TYPES), maxRows: 10_000 }),
  });
  await store.createKey(virtualKey({ id: "a" }));
});
afterEach(async () => {
  await sink.close();
  await store.close();
});

/** A sender on the store; `random` in the middle moves no wait. */
function sender(address = url) {
  const log = recordingLog();
  const http = createHttpSink(
    { url: address, headers: { Authorization: `Bearer ${SECRET}` } },
    { post: (target, init) => fetch(target, init), clock },
  );
  return { sender: new EventSender({ store, sink: http, clock, log, random: () => 0.5 }), log };
}

/** Accepts so many tasks, one event each; their ids. */
async function accept(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    const id = `task-${String(made++).padStart(5, "0")}`;
    const outcome = await store.create(taskDraft({ id }), { maxQueuedPerKey: 100_000 });
    expect(outcome.outcome).toBe("created");
    ids.push(`${id}/1`);
  }
  return ids;
}

describe("a batch", () => {
  test("is JSON lines with the operator's headers, in the order of what happened", async () => {
    const ids = await accept(3);
    await sender().sender.drain();
    expect(sink.batches).toHaveLength(1);
    expect(sink.ids).toEqual(ids);
    expect(sink.batches[0]?.headers).toMatchObject({
      "content-type": "application/x-ndjson",
      authorization: `Bearer ${SECRET}`,
    });
    expect(await store.outboxStats()).toEqual({ waiting: 0, dropped: 0, failures: 0 });
  });

  test("has at most 500 lines, and the next one follows at once", async () => {
    const ids = await accept(1_100);
    const { sender: one } = sender();
    await one.drain();
    expect(sink.batches.map((batch) => batch.ids.length)).toEqual([500, 500, 100]);
    expect(sink.ids).toEqual(ids);
    expect(one.sent).toBe(1_100);
  });

  test("is halved when it is too large, until the sink takes it", async () => {
    const ids = await accept(8);
    sink.next(status(413));
    sink.next(status(413));
    const { sender: one } = sender();
    await one.drain();
    await clock.advance(1_000);
    await one.drain();
    await clock.advance(2_000);
    await one.drain();
    expect(sink.batches.map((batch) => batch.ids.length)).toEqual([8, 4, 2, 4, 2]);
    expect(sink.ids.slice(-8)).toEqual(ids);
  });
});

describe("a sink that has a bad day", () => {
  const days: [string, (response: ServerResponse) => void, string][] = [
    ["answers 500", status(500), "status 500"],
    ["answers 401", status(401), "status 401"],
    ["redirects", status(307, { location: "http://169.254.169.254/" }), "redirects"],
    ["breaks off before its status", (response) => response.socket?.destroy(), ""],
  ];
  test.each(days)("that %s is asked again after a pause, with the same ids", async (_, day, reason) => {
    const ids = await accept(2);
    sink.next(day);
    const { sender: one, log } = sender();
    await one.drain();
    expect(log.lines).toMatchObject([
      {
        level: "warn",
        message: "events could not be sent",
        fields: { events: 2, failures: 1, delayMs: 1_000, reason: expect.stringContaining(reason) },
      },
    ]);
    await clock.advance(999);
    await one.drain();
    expect(sink.batches).toHaveLength(1);
    await clock.advance(1);
    await one.drain();
    expect(sink.ids).toEqual([...ids, ...ids]);
    expect(log.lines.at(-1)).toMatchObject({ message: "events are sent again" });
    expect(JSON.stringify(log.lines)).not.toContain(SECRET);
  });

  test("hangs: its batch ends after 10 s, and comes again", async () => {
    const ids = await accept(1);
    sink.next(() => {});
    const { sender: one, log } = sender();
    const drained = one.drain();
    await sink.saw(1);
    await clock.advance(9_999);
    expect(log.lines).toEqual([]);
    await clock.advance(1);
    await drained;
    expect(log.lines).toMatchObject([{ fields: { reason: expect.stringContaining("10000 ms") } }]);
    await clock.advance(1_000);
    await one.drain();
    expect(sink.ids).toEqual([...ids, ...ids]);
  });

  test("takes a batch and breaks off within its answer: that was taken", async () => {
    await accept(1);
    sink.next((response) => {
      response.writeHead(200, { "content-length": "100" }).write("half");
      setImmediate(() => response.socket?.destroy());
    });
    const { sender: one, log } = sender();
    await one.drain();
    expect(log.lines).toEqual([]);
    expect((await store.outboxStats()).waiting).toBe(0);
  });

  test("is away for long: waits double up to a minute, tasks go on, and what waited is sent when it is back", async () => {
    const ids = await accept(1);
    const { sender: away, log } = sender("http://127.0.0.1:9/nobody");
    for (let tries = 0; tries < 8; tries++) {
      await away.drain();
      ids.push(...(await accept(1)));
      await clock.advance(60_000);
    }
    const delays = log.lines.map(({ fields }) => fields?.delayMs);
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    expect(await store.outboxStats()).toMatchObject({ waiting: 9, failures: 8 });
    await sender().sender.drain();
    expect(sink.ids).toEqual(ids);
    expect(await store.outboxStats()).toEqual({ waiting: 0, dropped: 0, failures: 0 });
  });
});

describe("senders", () => {
  test("that run side by side send nothing twice while their leases last", async () => {
    const ids = await accept(1_200);
    const one = sender().sender;
    const two = sender().sender;
    await Promise.all([one.drain(), two.drain()]);
    expect(sink.ids).toEqual(ids);
  });

  test("that were killed are followed by one that sends the same ids again", async () => {
    const ids = await accept(2);
    sink.next(() => {});
    const killed = sender();
    void killed.sender.drain();
    await sink.saw(1);
    // Nothing of it runs any more; its lease does.
    const { sender: next } = sender();
    await next.drain();
    expect(sink.batches).toHaveLength(1);
    clock.sleep(30_000);
    await next.drain();
    expect(sink.ids).toEqual([...ids, ...ids]);
  });

  test("look every so often, and send the rest when they are stopped", async () => {
    const { sender: one } = sender();
    one.start(500);
    await settled();
    const first = await accept(1);
    await clock.advance(500);
    await sink.saw(1);
    await settled();
    const last = await accept(1);
    await one.stop();
    expect(sink.ids).toEqual([...first, ...last]);
    await clock.advance(5_000);
    expect(clock.pendingTimers).toBe(0);
  });

  test("that are stopped while the sink hangs end within 2 s, and pause nobody", async () => {
    const ids = await accept(1);
    sink.next(() => {});
    const { sender: one } = sender();
    one.start(500);
    await sink.saw(1);
    const stopped = one.stop();
    await clock.advance(2_000);
    await stopped;
    await clock.advance(1);
    await sender().sender.drain();
    expect(sink.ids).toEqual([...ids, ...ids]);
  });
});
