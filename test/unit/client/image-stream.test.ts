/** Pictures as a stream: previews and pictures come once each, also over streams that break. */

import { describe, expect, test } from "vitest";
import type { ConduitClient } from "../../../src/client/conduit-client.ts";
import { BadRequestError, ConnectionError, RateLimitError } from "../../../src/client/transport/errors.ts";
import type { ManualClock } from "../../fixture/manual-clock.ts";
import { settled } from "../../fixture/manual-clock.ts";
import { refusing, scriptedClient } from "../../fixture/scripted-fetch.ts";

const BODY = { model: "local/canvas", prompt: "a fox", stream: true, partial_images: 2 } as const;

const preview = (index: number) => ({ type: "image_generation.partial_image", partial_image_index: index });
const picture = (b64_json: string) => ({ type: "image_generation.completed", b64_json });
const failure = (type: string, code: string) => ({
  type: "error",
  error: { type, code, message: `${code}, in words`, param: "task-1", requestId: "req_1" },
});

function stream(events: readonly { type: string }[], breaks = false) {
  return () => {
    const text = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(`: accepted\n\n${text}`));
        if (!breaks) controller.close();
      },
      pull: (controller) => controller.error(new TypeError("terminated")),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  };
}

function read(client: ConduitClient, signal?: AbortSignal) {
  const seen: unknown[] = [];
  const ended = (async () => {
    try {
      for await (const event of client.images.generate(BODY, { signal })) seen.push(event);
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

describe("a stream of pictures", () => {
  test("brings previews and each picture", async () => {
    const events = [preview(0), preview(1), picture("a"), picture("b")];
    const { client, network, clock } = scriptedClient(stream(events));
    const { seen, ended } = read(client);
    expect(await ended).toBeNull();
    expect(seen).toEqual(events);
    expect(network.asked[0]).toMatchObject({ method: "POST", path: "/v1/images/generations" });
    expect(JSON.parse(String(network.asked[0]?.body))).toEqual(BODY);
    expect(clock.pendingTimers).toBe(0);
  });

  test("brings a picture of many megabytes, however it is cut", async () => {
    const large = picture("a".repeat(5 * 1024 * 1024));
    const bytes = new TextEncoder().encode(`event: ${large.type}\ndata: ${JSON.stringify(large)}\n\n`);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 65_536) controller.enqueue(bytes.slice(at, at + 65_536));
        controller.close();
      },
    });
    const { seen, ended } = read(scriptedClient(() => new Response(body)).client);
    expect(await ended).toBeNull();
    expect(seen).toEqual([large]);
  });

  test("waits for a caller that takes its time over a preview, and does not take that for silence", async () => {
    const { client, network, clock } = scriptedClient(stream([preview(0), picture("a")]));
    const seen: unknown[] = [];
    for await (const event of client.images.generate(BODY)) {
      await clock.advance(60_000);
      seen.push(event);
    }
    expect(seen).toEqual([preview(0), picture("a")]);
    expect(network.asked).toHaveLength(1);
  });

  test("that breaks is asked for again under the same key, and tells nothing twice", async () => {
    const { client, network, clock } = scriptedClient(
      stream([preview(0)], true),
      stream([preview(0), preview(1), picture("a")], true),
      stream([preview(0), picture("a"), picture("b")]),
    );
    const { seen, ended } = read(client);
    await pass(clock, 500);
    await pass(clock, 1_000);
    expect(await ended).toBeNull();
    expect(seen).toEqual([preview(0), preview(1), picture("a"), picture("b")]);
    const keys = network.asked.map(({ headers }) => headers.get("idempotency-key"));
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(keys).size).toBe(1);
  });

  test("that ends without a picture is no success", async () => {
    const { client, clock } = scriptedClient(stream([preview(0)]));
    const { ended } = read(client);
    await pass(clock, 500);
    await pass(clock, 1_000);
    expect(await ended).toBeInstanceOf(ConnectionError);
  });

  test("that tells a failure throws the error of its kind, and is not asked for again", async () => {
    const refused = scriptedClient(stream([failure("invalid_request_error", "content_policy_violation")]));
    const error = await read(refused.client).ended;
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ code: "content_policy_violation", param: "task-1", requestId: "req_1" });
    const failed = scriptedClient(stream([failure("server_error", "provider_error")]));
    expect(await read(failed.client).ended).toMatchObject({ name: "ServerError", code: "provider_error" });
    expect(failed.network.asked).toHaveLength(1);
  });

  test("that is refused throws the status' error", async () => {
    const { client, clock } = scriptedClient(refusing(429, "queue_full"));
    const { ended } = read(client);
    await pass(clock, 500);
    await pass(clock, 1_000);
    expect(await ended).toBeInstanceOf(RateLimitError);
  });

  test("that its caller leaves closes its connection", async () => {
    const { client, network, clock } = scriptedClient(() => new Response(new ReadableStream()));
    const leaving = new AbortController();
    const { ended } = read(client, leaving.signal);
    await settled();
    leaving.abort("enough");
    expect(await ended).toBe("enough");
    expect(network.asked[0]?.signal?.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});
