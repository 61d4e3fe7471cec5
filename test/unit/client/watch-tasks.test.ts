/** Watching all tasks of a key over streams that end, lose events and refuse, on a clock that stands still. */

import { describe, expect, test } from "vitest";
import { AuthenticationError } from "../../../src/client/transport/errors.ts";
import type { WireEvent, WireReset } from "../../../src/protocol/task.ts";
import { settled } from "../../fixture/manual-clock.ts";
import { refusing, type ScriptedAnswer, scriptedClient } from "../../fixture/scripted-fetch.ts";

/** Longer than any wait between two tries. */
const WAIT_MS = 10_000;

const event = (id: string): Partial<WireEvent> => ({ id, taskId: "t", type: "progress", progress: 5 });

/** A stream that says this and ends, or stays open. */
function stream(said: readonly (Partial<WireEvent> | WireReset)[], stays = false): Response {
  const text = said.map((one) => `event: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`).join("");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(`:\n\n${text}`));
      if (!stays) controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** Watches a gateway that answers so, one answer after another. */
function watching(...answers: (() => ScriptedAnswer)[]) {
  const scripted = scriptedClient(() => answers.shift()?.() ?? null);
  const seen: string[] = [];
  const leaving = new AbortController();
  const ended = scripted.client.tasks
    .watch({
      signal: leaving.signal,
      onEvent: ({ id }) => seen.push(id),
      onReset: () => seen.push("reset"),
      onConnection: (open) => seen.push(open ? "open" : "closed"),
    })
    .catch((error: unknown) => error);
  return { ...scripted, seen, leaving, ended };
}

describe("watching all tasks", () => {
  test("says to list them when it begins, and goes on behind the last event where it broke", async () => {
    const { seen, network, clock, leaving, ended } = watching(
      () => stream([event("e.1"), event("e.2")]),
      () => new TypeError("fetch failed"),
      () => stream([event("e.3")], true),
    );
    await settled();
    await clock.advance(WAIT_MS);
    await settled();
    await clock.advance(WAIT_MS);
    await settled();
    expect(seen).toEqual(["open", "reset", "e.1", "e.2", "closed", "closed", "open", "e.3"]);
    expect(network.asked.map(({ path }) => path)).toEqual(["/v1/events", "/v1/events", "/v1/events"]);
    expect(network.asked.map(({ headers }) => headers.get("last-event-id"))).toEqual([null, "e.2", "e.2"]);
    leaving.abort(new Error("left"));
    expect(await ended).toMatchObject({ message: "left" });
    expect(clock.pendingTimers).toBe(0);
  });

  test("says to list them again when events were lost, and when nothing was heard before it broke", async () => {
    const { seen, clock, leaving, ended } = watching(
      () => stream([]),
      () => stream([{ type: "reset" }, event("f.1")], true),
    );
    await settled();
    await clock.advance(WAIT_MS);
    await settled();
    expect(seen).toEqual(["open", "reset", "closed", "open", "reset", "reset", "f.1"]);
    leaving.abort();
    await ended;
  });

  test("ends when its key is refused", async () => {
    const { seen, ended } = watching(refusing(401, "invalid_api_key"));
    expect(await ended).toBeInstanceOf(AuthenticationError);
    expect(seen).toEqual([]);
  });
});
