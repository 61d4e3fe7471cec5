/**
 * What the hubs promise to clients, kept by whatever host runs them. Driven by Microsoft's own client over every
 * transport and protocol, and by bare WebSockets.
 */

import type { HubConnection } from "@microsoft/signalr";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { BareClient } from "../fixture/bare-client.ts";
import { mintKey } from "../fixture/mint.ts";
import { buildClient, Calls, collect, WIRES, type Wire } from "../fixture/signalr-client.ts";

/** A gateway under test, with a provider that does what it is told. */
export type HubWorld = {
  /** Scheme, host and port. */
  url: string;
  key: string;
  /** A key of somebody else. */
  otherKey: string;
  adminKey: string;
  /** Accepts a task that waits for the calls below; answers its id. */
  submit(type: "image" | "video", metadata?: Record<string, string>): Promise<string>;
  progress(taskId: string, percent: number): Promise<void>;
  complete(taskId: string): Promise<void>;
  fail(taskId: string, text: string): Promise<void>;
  cancel(taskId: string): Promise<void>;
  close(): Promise<void>;
};

const TASK = ["TaskProgress", "TaskCompleted", "TaskFailed"] as const;
const REQUEST = ["RequestProgress", "RequestCompleted", "RequestFailed"] as const;
const UNKNOWN_ID = "019a0000-0000-7000-8000-000000000000";

type Event = { type: string; id: string; seq: number; status?: string; task?: { status: string } };

export function hubContract(host: { name: string; open(): Promise<HubWorld> }): void {
  describe(`hubs, ${host.name}`, () => {
    let world: HubWorld;
    const open: HubConnection[] = [];
    beforeAll(async () => {
      world = await host.open();
    });
    afterEach(async () => {
      await Promise.all(open.splice(0).map((connection) => connection.stop()));
    });
    afterAll(() => world.close());

    async function connect(hub: string, wire: Wire, key = world.key): Promise<HubConnection> {
      const connection = buildClient(`${world.url}/hubs/${hub}`, { key, wire });
      open.push(connection);
      await connection.start();
      return connection;
    }

    describe.each(WIRES)("over %s with %s", (...wire) => {
      test("a picture is followed from the queue to its result, in pushes of two arguments", async () => {
        const id = await world.submit("image", { order: "42" });
        const connection = await connect("image-generation", wire);
        const calls = new Calls(connection, ...TASK);
        expect(await connection.invoke("SubscribeToTask", id)).toBeNull();
        expect(calls.all).toEqual([]);
        expect(await calls.next("TaskProgress")).toEqual([id, 0]);
        await world.progress(id, 40);
        await calls.until((_, [, percent]) => percent === 40);
        await world.complete(id);
        const completed = await calls.next("TaskCompleted");
        expect(completed).toHaveLength(2);
        const result = completed[1] as Record<string, unknown> & { images: { url: string }[] };
        expect(completed[0]).toBe(id);
        expect(result.image_url).toBe(result.images[0]?.url);
        expect(result.image_url).toMatch(/^http.*\/v1\/media\//);
        expect(result.metadata).toEqual({ order: "42", provider: "local", model: expect.any(String) });
        expect(result).toMatchObject({ provider: "local", duration: expect.any(Number), cost: 0 });
        expect(calls.all.every(({ args }) => args.length === 2)).toBe(true);
      });

      test("a task that is over before its subscriber comes is never missed, though listeners attach late", async () => {
        const id = await world.submit("image");
        await world.complete(id);
        const connection = await connect("image-generation", wire);
        for (let round = 0; round < 2; round++) {
          await connection.invoke("SubscribeToTask", id);
          const calls = new Calls(connection, ...TASK);
          expect((await calls.next("TaskCompleted"))[0]).toBe(id);
          expect(calls.targets).toEqual(["TaskCompleted"]);
          for (const target of TASK) connection.off(target);
        }
      });

      test("the method called decides the names; the last call for a task wins; both hubs know both", async () => {
        const id = await world.submit("video");
        const connection = await connect("video-generation", wire);
        const calls = new Calls(connection, ...TASK, ...REQUEST);
        await connection.invoke("SubscribeToTask", id);
        await connection.invoke("SubscribeToRequest", id);
        await calls.next("RequestProgress");
        await world.complete(id);
        const [, result] = await calls.next("RequestCompleted");
        expect(result).toMatchObject({ video_url: expect.stringContaining("/v1/media/") });
        expect(calls.targets.filter((target) => target.startsWith("Task"))).toEqual([]);
      });

      test("an ephemeral key follows what was granted to it, and no other task of its parent", async () => {
        const [granted, other] = [await world.submit("image"), await world.submit("image")];
        const { key } = await mintKey(world, { tasks: [granted] });
        const connection = await connect("image-generation", wire, key);
        const calls = new Calls(connection, ...TASK);
        await connection.invoke("SubscribeToTask", granted);
        await expect(connection.invoke("SubscribeToTask", other)).rejects.toThrow("Task not found");
        await world.complete(other);
        await world.complete(granted);
        expect((await calls.next("TaskCompleted"))[0]).toBe(granted);
      });

      test("a failure is pushed with its text, a cancelled task as a failure", async () => {
        const [failed, cancelled] = [await world.submit("image"), await world.submit("image")];
        const connection = await connect("image-generation", wire);
        const calls = new Calls(connection, ...TASK);
        await connection.invoke("SubscribeToTask", failed);
        await connection.invoke("SubscribeToTask", cancelled);
        await calls.until((_, [id]) => id === cancelled);
        await world.fail(failed, "The brush broke.");
        await world.cancel(cancelled);
        const told = (task: string) => calls.until((target, [id]) => target === "TaskFailed" && id === task);
        expect(await told(failed)).toEqual([failed, "The brush broke."]);
        expect(await told(cancelled)).toEqual([cancelled, "Task was cancelled"]);
      });

      test("nothing is pushed after unsubscribing, also when that comes before the first push", async () => {
        const [left, followed] = [await world.submit("image"), await world.submit("image")];
        const connection = await connect("image-generation", wire);
        const calls = new Calls(connection, ...TASK, ...REQUEST);
        await connection.invoke("SubscribeToTask", left);
        await connection.invoke("UnsubscribeFromTask", left);
        await connection.invoke("SubscribeToRequest", followed);
        await calls.next("RequestProgress");
        await connection.invoke("UnsubscribeFromRequest", followed);
        await connection.invoke("UnsubscribeFromRequest", UNKNOWN_ID);
        await world.complete(left);
        await world.complete(followed);
        // What would have come for them would have come before this.
        await connection.invoke("SubscribeToTask", followed);
        await calls.next("TaskCompleted");
        expect(calls.all.map(({ target, args }) => [target, args[0]])).toEqual([
          ["RequestProgress", followed],
          ["TaskCompleted", followed],
        ]);
      });

      test("an id in capitals is the same task, told of in lower case, on every hub", async () => {
        const id = await world.submit("image");
        for (const [hub, subscribe, target, unsubscribe] of [
          ["image-generation", "SubscribeToTask", "TaskProgress", "UnsubscribeFromTask"],
          ["tasks", "Subscribe", "TaskEvent", "Unsubscribe"],
        ] as const) {
          const connection = await connect(hub, wire);
          const calls = new Calls(connection, target);
          await connection.invoke(subscribe, id.toUpperCase());
          expect(JSON.stringify(await calls.next(target))).toContain(id);
          await connection.invoke(unsubscribe, id.toUpperCase());
        }
      });

      test("a task that is unknown, another's, or no id at all is not found", async () => {
        const id = await world.submit("image");
        const connection = await connect("image-generation", wire, world.otherKey);
        for (const wrong of [id, UNKNOWN_ID, "constructor", "", "*"])
          await expect(connection.invoke("SubscribeToTask", wrong)).rejects.toThrow(
            "An unexpected error occurred invoking 'SubscribeToTask' on the server. HubException: Task not found",
          );
        await expect(connection.invoke("SubscribeToTask", 7)).rejects.toThrow(
          "Failed to invoke 'SubscribeToTask' due to an error on the server.",
        );
        await expect(connection.invoke("SubscribeToTask")).rejects.toThrow("Failed to invoke");
        await expect(connection.invoke("constructor")).rejects.toThrow("Method does not exist");
      });

      test("the tasks hub pushes the events of the REST streams, and resumes behind one seen before", async () => {
        const id = await world.submit("image");
        const connection = await connect("tasks", wire);
        const calls = new Calls(connection, "TaskEvent");
        const events = () => calls.all.map(({ args }) => args[0] as Event);
        await connection.invoke("Subscribe", id);
        await calls.next("TaskEvent");
        expect(events()[0]).toMatchObject({ type: "snapshot", id: expect.any(String), task: { taskId: id } });
        await world.progress(id, 30);
        await world.complete(id);
        await calls.until((_, [event]) => (event as Event).type === "completed");
        const seqs = events().map(({ seq }) => seq);
        expect(seqs).toEqual([...seqs].sort((one, other) => one - other));
        expect(events().at(-1)).toMatchObject({ taskId: id, status: "completed", result: { images: [{}] } });
        expect(calls.all.every(({ args }) => args.length === 1)).toBe(true);

        const first = events()[0]!;
        calls.all.length = 0;
        await connection.invoke("Subscribe", id, first.id);
        await calls.until((_, [event]) => (event as Event).type === "completed");
        expect(events().map(({ type }) => type)).not.toContain("snapshot");
        expect(events().every(({ seq }) => seq > first.seq)).toBe(true);

        calls.all.length = 0;
        await connection.invoke("Subscribe", id, "nosuchepoch.1");
        await calls.until((_, [event]) => (event as Event).type === "snapshot");
        expect(events().map(({ type }) => type)).toEqual(["reset", "snapshot"]);
        await expect(connection.invoke("Subscribe", id, "nonsense")).rejects.toThrow(/after must be the id/);
        await expect(connection.invoke("Subscribe", UNKNOWN_ID)).rejects.toThrow(/Task not found/);
      });

      test("all tasks of the tenant are followed at once, from the call on and not from its first push on", async () => {
        const connection = await connect("tasks", wire);
        const calls = new Calls(connection, "TaskEvent");
        await connection.invoke("SubscribeAll", null);
        const id = await world.submit("image");
        await world.complete(id);
        await calls.until((_, [event]) => (event as Event).type === "completed");
        const lifecycle = calls.all
          .map(({ args }) => (args[0] as Event).type)
          .filter((type) => type !== "progress");
        expect(lifecycle).toEqual(["queued", "started", "completed"]);
        await connection.invoke("UnsubscribeAll");
      });

      test("a task's events are a stream as well, which ends with the task", async () => {
        const id = await world.submit("image");
        const connection = await connect("tasks", wire);
        const begun = Promise.withResolvers<void>();
        const items = collect(connection.stream<Event>("StreamTask", id), () => begun.resolve());
        await begun.promise;
        await world.progress(id, 50);
        await world.complete(id);
        const events = await items;
        expect(events[0]).toMatchObject({ type: "snapshot", task: { taskId: id } });
        expect(events.at(-1)).toMatchObject({ type: "completed", status: "completed" });
        const after = events[0]!.id;
        const resumed = await collect(connection.stream<Event>("StreamTask", id, after));
        expect(resumed.at(-1)).toEqual(events.at(-1));
        expect(resumed.map(({ type }) => type)).not.toContain("snapshot");
        await expect(collect(connection.stream("StreamTask", UNKNOWN_ID))).rejects.toThrow(/Task not found/);
      });
    });

    test("over server-sent events the last push, Close and the end of the body come one after the other", async () => {
      const headers = { authorization: `Bearer ${world.key}` };
      const hub = `${world.url}/hubs/tasks`;
      const negotiated = await fetch(`${hub}/negotiate?negotiateVersion=1`, { method: "POST", headers });
      const { connectionToken } = (await negotiated.json()) as { connectionToken: string };
      const path = `${hub}?id=${connectionToken}`;
      const stream = await fetch(path, { headers: { ...headers, accept: "text/event-stream" } });
      const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
      const chunks: { text: string; at: number }[] = [];
      const read = (async () => {
        for (let got = await reader.read(); !got.done; got = await reader.read())
          chunks.push({ text: got.value, at: performance.now() });
        return performance.now();
      })();
      const body = [
        '{"protocol":"json","version":1}',
        '{"type":1,"invocationId":"1","target":"UnsubscribeAll","arguments":[]}',
        '{"type":7}',
        "",
      ].join("\x1e");
      await fetch(path, { method: "POST", headers, body });
      const endedAt = await read;
      const answer = chunks.find(({ text }) => text.includes('"invocationId":"1"'));
      const close = chunks.find(({ text }) => text.includes('{"type":7'));
      expect(answer?.text).not.toContain('{"type":7');
      expect(close!.at - answer!.at).toBeGreaterThan(15);
      expect(endedAt - close!.at).toBeGreaterThan(15);
    });

    test("a key that expires takes its connections along within two seconds, and they are told why", async () => {
      const expiresAt = Date.now() + 4_000;
      const made = await fetch(`${world.url}/admin/v1/keys`, {
        method: "POST",
        headers: { authorization: `Bearer ${world.adminKey}`, "content-type": "application/json" },
        body: JSON.stringify({ name: "short", expiresAt: new Date(expiresAt).toISOString() }),
      });
      const { key } = (await made.json()) as { key: string };
      const ends = await Promise.all(
        WIRES.map(async (wire) => {
          const connection = await connect("tasks", wire, key);
          return new Promise<[string, number]>((resolve) => {
            connection.onclose((error) => resolve([String(error), Date.now() - expiresAt]));
          });
        }),
      );
      for (const [error, after] of ends) {
        expect(error).toContain("the key has expired");
        expect(after).toBeGreaterThan(0);
        expect(after).toBeLessThan(2_000);
      }
    });

    describe("to a bare client", () => {
      test.each([
        ["by first frame", "/hubs/image-generation", false],
        ["negotiated", "/hubs/image-generation", true],
      ])("%s, a task is told message by message", async (_, path, negotiated) => {
        const id = await world.submit("image");
        const client = negotiated
          ? await BareClient.negotiate(world.url, "image-generation", world.key)
          : new BareClient(`${world.url}${path}`, world.key);
        await client.opened;
        client.send({ type: 1, target: "SubscribeToTask", arguments: [id], invocationId: "1" });
        await client.until((message) => message.target === "TaskProgress");
        await world.complete(id);
        await client.until((message) => message.target === "TaskCompleted");
        expect(client.frames[0]).toBe('{"type":3,"invocationId":"1","result":null}');
        expect(client.frames.every((frame) => !frame.includes("\x1e"))).toBe(true);
        expect(client.messages.map(({ target }) => target)).toEqual([
          undefined,
          "TaskProgress",
          "TaskCompleted",
        ]);
        client.close();
      });
    });
  });
}
