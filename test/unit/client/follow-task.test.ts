/** Following a task over streams that break, hold back, refuse and fall silent, on a clock that stands still. */

import { describe, expect, test } from "vitest";
import type { ConduitClient } from "../../../src/client/conduit-client.ts";
import type { FollowOptions } from "../../../src/client/following/follow-task.ts";
import { ConnectionError, NotFoundError } from "../../../src/client/transport/errors.ts";
import type { ManualClock } from "../../fixture/manual-clock.ts";
import { settled } from "../../fixture/manual-clock.ts";
import { type Asked, refusing, type ScriptedAnswer, scriptedClient } from "../../fixture/scripted-fetch.ts";

type Line = { seq: number; type: string; status: string; progress: number };

const line = (
  seq: number,
  type: string,
  progress: number,
  status = type === "progress" ? "running" : type,
): Line => ({
  seq,
  type,
  status,
  progress,
});

/** Bytes of a stream: comments, events, and how it ends. */
function stream(lines: readonly Line[], end: "ends" | "breaks" | "stays" = "ends"): Response {
  const text = lines
    .map((said) => {
      const id = `e.${said.seq}`;
      const data = said.type === "snapshot" ? { ...said, id, task: said } : { ...said, id };
      return `event: ${said.type}\r\nid: ${id}\r\ndata: ${JSON.stringify({ message: null, ...data })}\r\n\r\n`;
    })
    .join("");
  const bytes = new TextEncoder().encode(`: here\n\n${text}`);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      // Cut where it hurts, in the middle of a line.
      controller.enqueue(bytes.slice(0, 13));
      controller.enqueue(bytes.slice(13));
      if (end === "ends") controller.close();
    },
    pull(controller) {
      if (end === "breaks") controller.error(new TypeError("terminated"));
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** Scripts for streams and for reads, taken one after another; the last one stays. */
function serving(streams: (() => ScriptedAnswer)[], reads: (() => ScriptedAnswer)[]) {
  return ({ path }: Asked): ScriptedAnswer => {
    const scripts = path.endsWith("/events") ? streams : reads;
    const [script] = scripts.length > 1 ? scripts.splice(0, 1) : scripts;
    return script?.() ?? null;
  };
}
const reading = (status: string, progress: number) => () =>
  Response.json({ taskId: "t", status, progress, message: null });
const away = () => new TypeError("fetch failed");

function follow(client: ConduitClient, options: FollowOptions = {}) {
  const seen: string[] = [];
  const ended = (async () => {
    try {
      for await (const update of client.tasks.events("t", options)) {
        const { status, progress } = update.type === "snapshot" ? update.task : update;
        seen.push(`${update.type} ${status} ${progress}`);
      }
      return null;
    } catch (error) {
      return error;
    }
  })();
  return { seen, ended };
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  await settled();
  await clock.advance(ms);
}

const positions = (asked: readonly Asked[]) =>
  asked.filter(({ path }) => path.endsWith("/events")).map(({ headers }) => headers.get("last-event-id"));

describe("following a task", () => {
  test("ends with its end, over one stream", async () => {
    const { client, network, clock } = scriptedClient(
      serving(
        [
          () =>
            stream([line(1, "snapshot", 0, "queued"), line(2, "progress", 40), line(3, "completed", 100)]),
        ],
        [],
      ),
    );
    const { seen, ended } = follow(client);
    expect(await ended).toBeNull();
    expect(seen).toEqual(["snapshot queued 0", "progress running 40", "completed completed 100"]);
    expect(network.asked).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each(["ends", "breaks"] as const)("goes on behind the last event when the stream %s", async (end) => {
    const { client, network, clock } = scriptedClient(
      serving(
        [
          () => stream([line(1, "snapshot", 0, "queued"), line(2, "progress", 40)], end),
          () => stream([line(2, "progress", 40), line(3, "progress", 60), line(4, "completed", 100)]),
        ],
        [reading("running", 50)],
      ),
    );
    const { seen, ended } = follow(client);
    await pass(clock, 1_000);
    expect(await ended).toBeNull();
    expect(seen).toEqual([
      "snapshot queued 0",
      "progress running 40",
      "snapshot running 50",
      "progress running 60",
      "completed completed 100",
    ]);
    expect(positions(network.asked)).toEqual([null, "e.2"]);
  });

  test("learns the end by reading where a stream has nothing more to say", async () => {
    const { client } = scriptedClient(
      serving([() => new Response(null, { status: 204 })], [reading("completed", 100)]),
    );
    const { seen, ended } = follow(client, { after: "e.9" });
    expect(await ended).toBeNull();
    expect(seen).toEqual(["snapshot completed 100"]);
  });

  test("reads where streams are held back, and opens none any more", async () => {
    const { client, network, clock } = scriptedClient(
      serving(
        [() => new Response(new ReadableStream())],
        [reading("running", 10), reading("completed", 100)],
      ),
    );
    const { seen, ended } = follow(client);
    await pass(clock, 10_000);
    await pass(clock, 1_000);
    expect(await ended).toBeNull();
    expect(seen).toEqual(["snapshot running 10", "snapshot completed 100"]);
    expect(positions(network.asked)).toEqual([null]);
  });

  test("opens a stream anew that has fallen silent", async () => {
    const { client, network, clock } = scriptedClient(
      serving(
        [() => stream([line(1, "snapshot", 5, "running")], "stays"), () => stream([line(2, "failed", 5)])],
        [reading("running", 5)],
      ),
    );
    const { ended } = follow(client);
    await pass(clock, 45_000);
    await pass(clock, 1_000);
    expect(await ended).toBeNull();
    expect(positions(network.asked)).toEqual([null, "e.1"]);
  });

  test("outlives a gateway that is away for a minute, and gives up one that is away for five", async () => {
    const returning = scriptedClient(serving([away], [away]));
    const first = follow(returning.client);
    await pass(returning.clock, 60_000);
    returning.network.answers = [serving([() => stream([line(2, "completed", 100)])], [])];
    await pass(returning.clock, 5_000);
    expect(await first.ended).toBeNull();
    expect(first.seen).toEqual(["completed completed 100"]);

    const gone = scriptedClient(serving([away], [away]));
    const second = follow(gone.client);
    await pass(gone.clock, 306_000);
    expect(await second.ended).toBeInstanceOf(ConnectionError);
    expect(gone.clock.pendingTimers).toBe(0);
  });

  test("does not take the sleep of a laptop for silence of the gateway", async () => {
    const { client, network, clock } = scriptedClient(
      serving([() => stream([line(1, "snapshot", 5, "running")], "stays"), away], [away]),
    );
    const { seen, ended } = follow(client);
    await settled();
    clock.sleep(8 * 3_600_000);
    // Awake, with a network that takes a while to come.
    await pass(clock, 45_000);
    await pass(clock, 20_000);
    network.answers = [serving([() => stream([line(2, "completed", 100)])], [])];
    await pass(clock, 5_000);
    expect(await ended).toBeNull();
    expect(seen).toEqual(["snapshot running 5", "completed completed 100"]);
  });

  test("is over at once for a task that is not there, and when the caller leaves", async () => {
    const missing = scriptedClient(refusing(404, "task_not_found"));
    expect(await follow(missing.client).ended).toBeInstanceOf(NotFoundError);
    const leaving = new AbortController();
    const quiet = scriptedClient(
      serving([() => stream([line(1, "snapshot", 5, "running")], "stays")], [reading("running", 5)]),
    );
    const { ended } = follow(quiet.client, { signal: leaving.signal });
    await settled();
    leaving.abort("enough");
    expect(await ended).toBe("enough");
    expect(quiet.clock.pendingTimers).toBe(0);
  });

  test("a caller that breaks out of the loop leaves no connection and no timer", async () => {
    const { client, network, clock } = scriptedClient(
      serving([() => stream([line(1, "snapshot", 5, "running")], "stays")], []),
    );
    for await (const update of client.tasks.events("t")) {
      expect(update.type).toBe("snapshot");
      break;
    }
    await settled();
    expect(network.asked[0]?.signal?.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test("waiting has a limit of its own, and the task goes on", async () => {
    const { client, clock } = scriptedClient(
      serving([() => stream([line(1, "snapshot", 5, "running")], "stays")], [reading("running", 5)]),
    );
    const waited = client.tasks.wait("t", { timeoutMs: 3_000 }).catch((error: unknown) => error);
    await pass(clock, 3_000);
    expect(await waited).toMatchObject({ name: "TimeoutError" });
    await settled();
    expect(clock.pendingTimers).toBe(0);
  });
});
