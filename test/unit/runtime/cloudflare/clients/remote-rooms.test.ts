/** Rooms elsewhere as the Worker follows them, over sockets that the test holds the other end of. */

import { beforeEach, describe, expect, test } from "vitest";
import { readRoomRequest } from "../../../../../src/rooms/remote/room-request.ts";
import { RemoteRooms } from "../../../../../src/runtime/cloudflare/clients/remote-rooms.ts";
import type { RoomNamespace } from "../../../../../src/runtime/cloudflare/clients/room-connection.ts";
import { StoreUnavailableError } from "../../../../../src/tasks/ports/store-error.ts";
import type { TenantScope } from "../../../../../src/tasks/task.ts";
import { settled } from "../../../../fixture/manual-clock.ts";
import { RecordingSubscriber, TellingEncoding } from "../../../../fixture/recording-subscriber.ts";

const KEY: TenantScope = { keyId: "key_a", subject: null };
const MIB = 1_048_576;

/** The Worker's end of a socket to a room. */
class RoomEnd extends EventTarget {
  binaryType = "blob";
  accepted = false;
  closedWith: number | null = null;

  accept(): void {
    this.accepted = true;
  }

  close(code: number): void {
    this.closedWith = code;
  }

  tell(data: string | ArrayBuffer): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  end(code: number, reason = ""): void {
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
}

type Answer = { status: number; webSocket: RoomEnd | null } | Error;

let asked: { name: string; request: Request }[];
let answers: (Answer | Promise<Answer>)[];
let end: RoomEnd;
let subscriber: RecordingSubscriber;
let rooms: RemoteRooms;

beforeEach(() => {
  asked = [];
  end = new RoomEnd();
  answers = [{ status: 101, webSocket: end }];
  subscriber = new RecordingSubscriber(new TellingEncoding("sse"));
  const fetch = async (name: string, request: Request) => {
    asked.push({ name, request });
    const answer = await answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const namespace = {
    getByName: (name: string) => ({
      fetch: (url: string, init: RequestInit) => fetch(name, new Request(url, init)),
    }),
  };
  rooms = new RemoteRooms({ TASK_ROOM: namespace as unknown as RoomNamespace });
});

const follow = () => rooms.subscribeToTask(KEY, "task-1", subscriber, null);

describe("asking a room", () => {
  test("names the subscriber's encoding, position and scope, and of granted tasks the one at hand", async () => {
    const scope = { keyId: "key_a", subject: "sam", granted: ["task-0", "task-1"] };
    await rooms.subscribeToTask(scope, "task-1", subscriber, { epoch: "x", seq: 3 }).opened;
    expect(asked.map(({ name }) => name)).toEqual(["task/key_a/task-1"]);
    expect(asked[0]?.request.headers.get("upgrade")).toBe("websocket");
    expect(readRoomRequest(asked[0]?.request ?? new Request("http://x"))).toEqual({
      encoding: "sse",
      scope: { keyId: "key_a", subject: "sam", granted: ["task-1"] },
      after: { epoch: "x", seq: 3 },
    });
  });

  test("goes to the tenant's room for all tasks", async () => {
    answers.push({ status: 101, webSocket: new RoomEnd() });
    await rooms.subscribeToTenant(KEY, subscriber, null).opened;
    await rooms.subscribeToTenant({ keyId: "key_a", subject: "sam" }, subscriber, null).opened;
    expect(asked.map(({ name }) => name)).toEqual(["tenant/key_a", "tenant/key_a/sam"]);
  });

  test("tells a task that is not there from a room that is full or cannot read the store", async () => {
    answers = [404, 429, 503].map((status) => ({ status, webSocket: null }));
    expect(await follow().opened).toBe("not_found");
    await expect(follow().opened).rejects.toMatchObject({ code: "too_many_connections" });
    await expect(follow().opened).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  test("is repeated once when the object was restarted under it, but not when it has too much to do", async () => {
    answers = [new Error("restarted"), { status: 101, webSocket: end }];
    expect(await follow().opened).toBe("subscribed");
    answers = [new Error("restarted"), new Error("restarted"), { status: 101, webSocket: end }];
    await expect(follow().opened).rejects.toMatchObject({ reason: "broken" });
    answers = [Object.assign(new Error("too much"), { overloaded: true })];
    await expect(follow().opened).rejects.toMatchObject({ reason: "overloaded" });
  });
});

describe("a subscriber of a room elsewhere", () => {
  test("is sent what comes, as text and as bytes, and is closed with the room's code", async () => {
    expect(await follow().opened).toBe("subscribed");
    expect([end.accepted, end.binaryType]).toEqual([true, "arraybuffer"]);
    end.tell("one");
    end.tell(new TextEncoder().encode("two").buffer);
    expect(subscriber.frames).toEqual(["one", new TextEncoder().encode("two")]);
    end.end(1000, "the task has ended");
    expect(subscriber.closedWith).toBe(1000);
    end.end(1000);
  });

  test.each([1001, 1008, 1013])("learns the room's code %d", async (code) => {
    await follow().opened;
    end.end(code);
    expect(subscriber.closedWith).toBe(code);
  });

  test.each([1005, 1006, 1011])("comes again when the connection broke (%d)", async (code) => {
    await follow().opened;
    end.end(code);
    expect(subscriber.closedWith).toBe(1013);
  });

  test("comes again when the socket fails", async () => {
    await follow().opened;
    end.dispatchEvent(new Event("error"));
    end.end(1006);
    expect(subscriber.closedWith).toBe(1013);
  });

  test("that unsubscribes is sent nothing more, and its socket is closed", async () => {
    const { subscription, opened } = follow();
    await opened;
    subscription.unsubscribe();
    subscription.unsubscribe();
    end.tell("late");
    end.end(1000);
    expect([end.closedWith, subscriber.frames, subscriber.closedWith]).toEqual([1000, [], null]);
  });

  test("that leaves before the room has answered lets the socket go", async () => {
    const answer = Promise.withResolvers<Answer>();
    answers = [answer.promise];
    const { subscription, opened } = follow();
    subscription.unsubscribe();
    answer.resolve({ status: 101, webSocket: end });
    expect(await opened).toBe("unsubscribed");
    expect([end.accepted, end.closedWith]).toEqual([true, 1000]);
    await settled();
    expect(subscriber.frames).toEqual([]);
  });

  test("that reads too slowly is closed 1013", async () => {
    await follow().opened;
    subscriber.unsent = MIB;
    end.tell("one");
    expect(subscriber.closedWith).toBeNull();
    subscriber.unsent = MIB + 1;
    end.tell("two");
    expect([subscriber.closedWith, end.closedWith]).toEqual([1013, 1000]);
    end.tell("three");
    expect(subscriber.frames).toEqual(["one", "two"]);
  });
});
