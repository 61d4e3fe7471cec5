/**
 * What the event streams promise to clients, kept by whatever host runs them: `/v1/tasks/{id}/events` and
 * `/v1/events`, as server-sent events and over WebSockets.
 */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { mintKey } from "../fixture/mint.ts";
import { RawSocket } from "../fixture/raw-socket.ts";
import {
  EventStreamSubscriber,
  SocketSubscriber,
  type StreamMessage,
  type StreamSubscriber,
  type SubscribeOptions,
} from "../fixture/stream-subscribers.ts";
import type { HubWorld } from "./hub.ts";

/** A gateway under test, with a provider that does what it is told. */
export type StreamWorld = HubWorld & { adminKey: string };

const UNKNOWN_TASK = "01900000-0000-7000-8000-000000000000";
const HANDSHAKE = {
  connection: "upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};
/** A position in a log that no store ever had. */
const ELSEWHERE = "elsewhere.3";
const TERMINAL = ["completed", "failed", "cancelled"];
/** The contract allows a minute until a disabled key's streams end. */
const KEY_DISABLED_TIMEOUT_MS = 75_000;

const isTerminal = ({ type }: StreamMessage) => TERMINAL.includes(type);
const typesOf = ({ messages }: StreamSubscriber) => messages.map(({ type }) => type);
const withoutProgress = (messages: readonly StreamMessage[]) =>
  messages.filter(({ type }) => type !== "progress");

export function eventStreamContract(host: { name: string; open(): Promise<StreamWorld> }): void {
  describe(`event streams, ${host.name}`, () => {
    let world: StreamWorld;
    const open: StreamSubscriber[] = [];
    beforeAll(async () => {
      world = await host.open();
    });
    afterEach(async () => {
      const subscribers = open.splice(0);
      for (const subscriber of subscribers) subscriber.close();
      await Promise.all(subscribers.map(({ ended }) => ended));
    });
    afterAll(() => world.close());

    const taskPath = (id: string) => `/v1/tasks/${id}/events`;
    const stream = async (path: string, options: Partial<SubscribeOptions> = {}) => {
      const subscriber = await EventStreamSubscriber.open(`${world.url}${path}`, {
        key: world.key,
        ...options,
      });
      open.push(subscriber);
      return subscriber;
    };
    const socket = async (path: string, options: Partial<SubscribeOptions> = {}) => {
      const after = options.after ?? (path.startsWith("/v1/events") ? await positionOf(path, options) : null);
      const subscriber = await SocketSubscriber.open(`${world.url}${path}`, {
        key: world.key,
        ...options,
        ...(after !== null && { after }),
      });
      open.push(subscriber);
      return subscriber;
    };
    /** Where a tenant's log stands. Its sockets do not say when they begin, so tests have them begin at a known position. */
    const positionOf = async (path: string, { key = world.key }: Partial<SubscribeOptions>) => {
      const scout = await EventStreamSubscriber.open(`${world.url}${path}`, { key });
      const position = await scout.position();
      scout.close();
      return position;
    };
    const get = (path: string, headers: Record<string, string> = {}, key: string | null = world.key) =>
      fetch(`${world.url}${path}`, {
        headers: { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...headers },
      });
    const expectError = async (response: Response, status: number, code: string) => {
      const { error } = (await response.json()) as { error: { code: string; param: string | null } };
      expect([response.status, error.code]).toEqual([status, code]);
      return error;
    };
    /** A task whose provider has been called: it waits, running, for what the test says. */
    const running = async () => {
      const id = await world.submit("image");
      await world.progress(id, 10);
      return id;
    };

    describe.each<[string, typeof stream | typeof socket, number | null]>([
      ["server-sent events", stream, null],
      ["a WebSocket", socket, 1000],
    ])("over %s", (_, follow, normalEnd) => {
      test("a task is streamed from its snapshot to its end, in order, and then the stream is over", async () => {
        const id = await world.submit("image", { order: "42" });
        const subscriber = await follow(taskPath(id));
        const snapshot = await subscriber.message(({ type }) => type === "snapshot");
        expect(snapshot).toMatchObject({
          id: expect.stringMatching(/^[A-Za-z0-9_-]+\.\d+$/),
          task: { taskId: id, metadata: { order: "42" } },
        });
        await world.progress(id, 40);
        const progress = await subscriber.message((message) => message.progress === 40);
        expect(progress).toMatchObject({ type: "progress", status: "running", message: "painting" });
        await world.complete(id);
        expect(await subscriber.ended).toBe(normalEnd);
        expect(typesOf(subscriber)[0]).toBe("snapshot");
        expect(withoutProgress(subscriber.messages).map(({ type }) => type)).toEqual(
          snapshot.task?.status === "queued"
            ? ["snapshot", "started", "completed"]
            : ["snapshot", "completed"],
        );
        const seqs = subscriber.messages.map(({ seq }) => seq ?? Number.NaN);
        expect(seqs).toEqual([...new Set(seqs)].sort((one, other) => one - other));
        for (const event of subscriber.messages.slice(1)) {
          expect(event).toMatchObject({ taskId: id, id: expect.any(String), at: expect.any(String) });
        }
        expect(subscriber.messages.at(-1)).toMatchObject({
          status: "completed",
          progress: 100,
          result: { images: [{ url: expect.stringContaining("/v1/media/") }] },
        });
      });

      test("a failure and a cancellation are ends as well", async () => {
        const [failed, cancelled] = [await running(), await running()];
        const [one, other] = [await follow(taskPath(failed)), await follow(taskPath(cancelled))];
        await Promise.all([one, other].map((subscriber) => subscriber.message(() => true)));
        await world.fail(failed, "The brush broke.");
        await world.cancel(cancelled);
        expect([await one.ended, await other.ended]).toEqual([normalEnd, normalEnd]);
        expect(one.messages.at(-1)).toMatchObject({ type: "failed", error: "The brush broke." });
        expect(other.messages.at(-1)).toMatchObject({ type: "cancelled", status: "cancelled" });
      });

      test("an ephemeral key follows what was granted to it, and neither its parent's other tasks nor their stream", async () => {
        const [granted, other] = [await running(), await running()];
        const { key } = await mintKey(world, { tasks: [granted] });
        const subscriber = await follow(taskPath(granted), { key });
        await subscriber.message(({ type }) => type === "snapshot");
        await expectError(await get(taskPath(other), {}, key), 404, "task_not_found");
        const own = await follow("/v1/events", { key });
        await world.complete(other);
        await world.complete(granted);
        expect(await subscriber.ended).toBe(normalEnd);
        expect(subscriber.messages.at(-1)).toMatchObject({ type: "completed", taskId: granted });
        expect(own.messages.filter(({ taskId }) => taskId !== undefined)).toEqual([]);
      });

      test("a task that is over is a snapshot and nothing else", async () => {
        const id = await running();
        await world.complete(id);
        const first = await follow(taskPath(id));
        await first.ended;
        const late = await follow(taskPath(id));
        expect(await late.ended).toBe(normalEnd);
        expect(typesOf(late)).toEqual(["snapshot"]);
        expect(late.messages[0]?.task).toMatchObject({ status: "completed", progress: 100 });
      });

      test("a subscriber that was cut off continues behind the last event, without a gap or a snapshot", async () => {
        const id = await running();
        const whole = await follow(taskPath(id));
        const cut = await follow(taskPath(id));
        const { id: position } = await cut.message(({ type }) => type === "snapshot");
        cut.close();
        await cut.ended;
        await whole.message(() => true);
        await world.progress(id, 60);
        await whole.message(({ progress }) => progress === 60);
        await world.complete(id);
        await whole.ended;
        for (const resumed of [
          await follow(taskPath(id), { after: position ?? "" }),
          await follow(`${taskPath(id)}?after=${position}`),
          // As the EventSource polyfill does it, which leaves the URL's first position where it was.
          await follow(`${taskPath(id)}?after=${ELSEWHERE}&lastEventId=${position}`),
          await follow(`${taskPath(id.toUpperCase())}?after=${position}`),
        ]) {
          expect(await resumed.ended).toBe(normalEnd);
          expect(typesOf(resumed)).not.toContain("snapshot");
          expect(withoutProgress(resumed.messages)).toEqual(withoutProgress(whole.messages.slice(1)));
        }
      });

      test("who resumes in the middle of a task gets what was missed, then what happens", async () => {
        const id = await world.submit("image");
        const first = await follow(taskPath(id));
        const { id: position, seq } = await first.message(({ type }) => type === "snapshot");
        first.close();
        await world.progress(id, 50);
        const resumed = await follow(taskPath(id), { after: position ?? "" });
        await resumed.message(({ progress }) => progress === 50);
        await world.complete(id);
        await resumed.ended;
        expect(typesOf(resumed)).not.toContain("snapshot");
        expect(resumed.messages.every((message) => (message.seq ?? 0) > (seq ?? 0))).toBe(true);
        expect(typesOf(resumed).at(-1)).toBe("completed");
      });

      test("a position in a log that is gone is a reset, and a snapshot to begin anew", async () => {
        const id = await running();
        const subscriber = await follow(taskPath(id), { after: ELSEWHERE });
        await subscriber.message(({ type }) => type === "snapshot");
        expect(typesOf(subscriber).slice(0, 2)).toEqual(["reset", "snapshot"]);
        await world.complete(id);
        await subscriber.ended;
        expect(typesOf(subscriber).at(-1)).toBe("completed");
      });

      test("all tasks of a tenant are streamed, and no other tenant's", async () => {
        const subscriber = await follow("/v1/events");
        const stranger = await follow("/v1/events", { key: world.otherKey });
        const ids = [await running(), await running()];
        for (const id of ids) await world.complete(id);
        for (const id of ids)
          await subscriber.message((message) => message.taskId === id && isTerminal(message));
        for (const id of ids) {
          const own = withoutProgress(subscriber.messages.filter(({ taskId }) => taskId === id));
          expect(own.map(({ type }) => type)).toEqual(["queued", "started", "completed"]);
        }
        expect(typesOf(subscriber)).not.toContain("snapshot");
        expect(stranger.messages).toEqual([]);
      });

      test("a tenant's stream continues behind the last event, and is reset when that is gone", async () => {
        const first = await follow("/v1/events");
        const id = await running();
        const { id: position } = await first.message(
          ({ taskId, type }) => taskId === id && type === "queued",
        );
        first.close();
        await first.ended;
        await world.complete(id);
        const resumed = await follow("/v1/events", { after: position ?? "" });
        await resumed.message((message) => message.taskId === id && isTerminal(message));
        expect(
          withoutProgress(resumed.messages.filter(({ taskId }) => taskId === id)).map(({ type }) => type),
        ).toEqual(["started", "completed"]);

        const lost = await follow("/v1/events", { after: ELSEWHERE });
        await lost.message(({ type }) => type === "reset");
        const next = await running();
        await world.complete(next);
        await lost.message((message) => message.taskId === next && isTerminal(message));
        expect(typesOf(lost).slice(0, 2)).toEqual(["reset", "queued"]);
      });

      test("the key may come in the query, where browsers cannot set a header", async () => {
        const id = await running();
        const subscriber = await follow(`${taskPath(id)}?access_token=${world.key}`, { key: null });
        await subscriber.message(({ type }) => type === "snapshot");
        const all = await follow(`/v1/events?access_token=${world.key}`, { key: null });
        await world.complete(id);
        await subscriber.ended;
        await all.message((message) => message.taskId === id && isTerminal(message));
      });

      test("a subscriber that leaves disturbs no other, and may come back", async () => {
        const id = await running();
        const [leaver, stayer] = [await follow(taskPath(id)), await follow(taskPath(id))];
        await Promise.all([leaver, stayer].map((subscriber) => subscriber.message(() => true)));
        leaver.close();
        await leaver.ended;
        const back = await follow(taskPath(id));
        await back.message(() => true);
        await world.complete(id);
        await Promise.all([back.ended, stayer.ended]);
        expect(stayer.messages.at(-1)).toEqual(back.messages.at(-1));
      });
    });

    describe.each([
      ["asked for as an event stream", {}],
      ["asked to become a WebSocket", HANDSHAKE],
    ])("%s", (_, headers) => {
      test("a task that is unknown, or another's, is not found", async () => {
        const id = await world.submit("image");
        await expectError(await get(taskPath(UNKNOWN_TASK), headers), 404, "task_not_found");
        await expectError(await get(taskPath("nonsense"), headers), 404, "task_not_found");
        await expectError(await get(taskPath(id), headers, world.otherKey), 404, "task_not_found");
        await world.cancel(id);
      });

      test("a malformed position is refused, and named", async () => {
        for (const path of [taskPath(await world.submit("image")), "/v1/events"]) {
          const error = await expectError(
            await get(`${path}?after=%00%ff`, headers),
            400,
            "invalid_parameter",
          );
          expect(error.param).toBe("after");
          const polyfilled = await get(`${path}?lastEventId=%00`, headers);
          expect((await expectError(polyfilled, 400, "invalid_parameter")).param).toBe("lastEventId");
          const header = await get(path, { ...headers, "last-event-id": "7; drop table" });
          expect((await expectError(header, 400, "invalid_parameter")).param).toBe("Last-Event-ID");
        }
      });

      test("no request without a key is admitted", async () => {
        await expectError(await get("/v1/events", headers, null), 401, "missing_api_key");
        await expectError(
          await get("/v1/events", headers, `condt_${"x".repeat(43)}`),
          401,
          "invalid_api_key",
        );
        await expectError(
          await get(`/v1/events?access_token=condt_${"x".repeat(43)}`, headers, null),
          401,
          "invalid_api_key",
        );
      });
    });

    test(
      "all of a key's streams end within a minute when it is disabled",
      async () => {
        const admin = { authorization: `Bearer ${world.adminKey}`, "content-type": "application/json" };
        const keys = `${world.url}/admin/v1/keys`;
        const made = await fetch(keys, { method: "POST", headers: admin, body: '{"name":"leaver"}' });
        const { id, key } = (await made.json()) as { id: string; key: string };
        const subscribers = [await stream("/v1/events", { key }), await socket("/v1/events", { key })];
        await fetch(`${keys}/${id}`, { method: "PATCH", headers: admin, body: '{"enabled":false}' });
        expect(await Promise.all(subscribers.map(({ ended }) => ended))).toEqual([null, 1008]);
      },
      KEY_DISABLED_TIMEOUT_MS,
    );

    describe("server-sent events", () => {
      test("come with the headers that keep proxies from holding them back", async () => {
        const { response } = await stream("/v1/events");
        expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
        expect(response.headers.get("cache-control")).toContain("no-cache");
        expect(response.headers.get("x-accel-buffering")).toBe("no");
        expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
      });

      test("carry the id of each event, which a reconnect behind the last one turns into 204", async () => {
        const id = await running();
        const subscriber = await stream(taskPath(id));
        await subscriber.message(() => true);
        await world.complete(id);
        await subscriber.ended;
        for (const { id: own, lineId } of subscriber.messages) expect(own).toBe(lineId);
        const last = { "last-event-id": subscriber.messages.at(-1)?.id ?? "" };
        expect((await get(taskPath(id), last)).status).toBe(204);
        const late = await stream(taskPath(id));
        await late.ended;
        expect((await get(taskPath(id), { "last-event-id": late.messages[0]?.id ?? "" })).status).toBe(204);
      });

      test("resume behind the header when the URL names an older position", async () => {
        const id = await running();
        const subscriber = await stream(taskPath(id));
        const { id: oldest } = await subscriber.message(({ type }) => type === "snapshot");
        await world.complete(id);
        await subscriber.ended;
        const last = subscriber.messages.at(-1)?.id ?? "";
        const again = await get(`${taskPath(id)}?after=${oldest}`, { "last-event-id": last });
        expect(again.status).toBe(204);
      });

      test("of a tenant begin with a position to resume from", async () => {
        const subscriber = await stream("/v1/events");
        const position = await subscriber.position();
        subscriber.close();
        await subscriber.ended;
        const id = await running();
        const resumed = await stream("/v1/events", { after: position });
        await resumed.message(({ taskId, type }) => taskId === id && type === "queued");
        await world.complete(id);
        await resumed.message((message) => message.taskId === id && isTerminal(message));
      });

      test("are not opened by HEAD", async () => {
        const response = await fetch(`${world.url}/v1/events`, {
          method: "HEAD",
          headers: { authorization: `Bearer ${world.key}` },
        });
        expect([response.status, response.headers.get("content-type")]).toEqual([
          200,
          "text/event-stream; charset=utf-8",
        ]);
      });
    });

    describe("a WebSocket", () => {
      test("answers ping with pong and listens to nothing else", async () => {
        const subscriber = await socket("/v1/events");
        subscriber.socket.send("hello");
        subscriber.socket.send(new Uint8Array([112, 105, 110, 103]));
        subscriber.socket.send("ping");
        await subscriber.frame("pong");
        expect(subscriber.frames).toEqual(["pong"]);
      });

      test("that asks for conduit.batch gets it, and every event all the same", async () => {
        const id = await running();
        const subscriber = await socket(taskPath(id), { protocols: ["other", "conduit.batch"] });
        expect(subscriber.socket.protocol).toBe("conduit.batch");
        await subscriber.message(({ type }) => type === "snapshot");
        await world.complete(id);
        expect(await subscriber.ended).toBe(1000);
        expect(typesOf(subscriber).at(-1)).toBe("completed");
      });

      test("that asks for protocols which nobody speaks here is answered none", async () => {
        const subscriber = await socket("/v1/events", { protocols: ["other", "graphql-ws"] });
        expect(subscriber.socket.protocol).toBe("");
        const headers = { authorization: `Bearer ${world.key}` };
        const hub = new URL(`${world.url}/hubs/tasks`);
        const onHub = await RawSocket.open(hub, { headers, protocols: ["other"] }, () => {});
        expect(onHub.protocol).toBe("");
        onHub.close();
        await onHub.ended;
      });

      test("behind a task's last event is closed 1000 at once", async () => {
        const id = await running();
        await world.complete(id);
        const first = await socket(taskPath(id));
        await first.ended;
        const after = first.messages.at(-1)?.id ?? "";
        const again = await socket(taskPath(id), { after });
        expect(await again.ended).toBe(1000);
        expect(again.messages).toEqual([]);
      });

      test("is closed 1009 by a message longer than any a client may send", async () => {
        const subscriber = await socket("/v1/events");
        subscriber.socket.send("x".repeat(65_537));
        expect(await subscriber.ended).toBe(1009);
      });

      test("is refused to pages of other origins, and without a whole handshake", async () => {
        const evil = await get("/v1/events", { ...HANDSHAKE, origin: "https://evil.example" });
        await expectError(evil, 403, "permission_denied");
        // A page of the gateway's own host, seen through a proxy that ends TLS, is only told what its handshake lacks.
        const own = { origin: `https://${new URL(world.url).host}`, "sec-websocket-version": "12" };
        expect([400, 426]).toContain((await get("/v1/events", { ...HANDSHAKE, ...own })).status);
        const incomplete = await get("/v1/events", { ...HANDSHAKE, "sec-websocket-version": "12" });
        expect([400, 426]).toContain(incomplete.status);
      });
    });
  });
}
