import { describe, expect, test } from "vitest";
import { HubError } from "../../../../src/signalr/connection/invocation-errors.ts";
import { createHub, method, streamMethod } from "../../../../src/signalr/hub.ts";
import { connect, settle } from "../../../fixture/hub-client.ts";

type Principal = { admin: boolean };
const USER = { admin: false };

function bound<T>(type: string) {
  return {
    parse(value: unknown): T {
      if (typeof value !== type) throw new Error(`Expected ${type}`);
      return value as T;
    },
  };
}
const text = bound<string>("string");
const number = bound<number>("number");

function createGate() {
  const waiting: (() => void)[] = [];
  return {
    wait: () => new Promise<void>((resolve) => waiting.push(resolve)),
    open: () => waiting.shift()?.(),
    get size() {
      return waiting.length;
    },
  };
}

function testHub(gate = createGate(), calls: string[] = []) {
  return createHub<Principal>({
    methods: {
      Echo: method({ args: [text], run: (_, value) => value }),
      Add: method({ args: [number, number], run: async (_, a, b) => a + b }),
      After: method({ args: [text], optional: [number], run: (_, id, after) => [id, after ?? null] }),
      Void: method({ run: () => undefined }),
      Throw: method({
        run: () => {
          throw new Error("BOOM!");
        },
      }),
      Fail: method({ run: () => Promise.reject(new Error("BOOM!")) }),
      Hub: method({ run: () => Promise.reject(new HubError("This is a hub exception")) }),
      AdminOnly: method({ allows: (principal: Principal) => principal.admin, run: () => "secret" }),
      Wait: method({
        args: [text],
        async run(_, name) {
          calls.push(`${name} begins`);
          await gate.wait();
          calls.push(`${name} ends`);
          return name;
        },
      }),
      Loop: method({ run: () => 1n }),
      Stream: streamMethod({
        async *run() {
          yield 1;
        },
      }),
    },
  });
}

describe("calling methods", () => {
  const answer = async (target: string, args: unknown[] = [], detailedErrors = false, principal = USER) => {
    const client = connect(testHub(), principal, { settings: { detailedErrors } });
    client.invoke(target, args, "7");
    await settle();
    const messages = client.messages();
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatchObject({ type: 3, invocationId: "7" });
    const { result, error } = messages[0] as { result?: unknown; error?: string };
    return error ?? { result };
  };

  test("results come back, from methods that wait and from methods that do not", async () => {
    expect(await answer("Echo", ["hi"])).toEqual({ result: "hi" });
    expect(await answer("Add", [1, 2])).toEqual({ result: 3 });
  });

  test("a void call is answered with an explicit null", async () => {
    const client = connect(testHub(), USER);
    client.invoke("Void", [], "1");
    expect(client.wire.frames.at(-1)).toBe('{"type":3,"invocationId":"1","result":null}\x1e');
  });

  test("HubMethodsAreCaseInsensitive", async () => {
    expect(await answer("eCHO", ["hi"])).toEqual({ result: "hi" });
  });

  test.each([
    "Missing",
    "constructor",
    "__proto__",
    "toString",
    "hasOwnProperty",
    "OnConnectedAsync",
    "onConnected",
    "Dispose",
  ])(
    "CannotCallObjectMethods, CannotCallDispose, CannotCallOverriddenBase: %s does not exist",
    async (target) => {
      expect(await answer(target)).toBe(
        `Failed to invoke '${target}' due to an error on the server. HubException: Method does not exist.`,
      );
    },
  );

  test("optional arguments may be left out", async () => {
    expect(await answer("After", ["id"])).toEqual({ result: ["id", null] });
    expect(await answer("After", ["id", 3])).toEqual({ result: ["id", 3] });
  });

  test("a wrong number of arguments; detailed errors count them", async () => {
    const prefix = "Failed to invoke 'Echo' due to an error on the server.";
    expect(await answer("Echo", [])).toBe(prefix);
    expect(await answer("Echo", ["a", "b"], true)).toBe(
      `${prefix} InvalidDataException: Invocation provides 2 argument(s) but target expects 1.`,
    );
    expect(await answer("After", [], true)).toMatch(/provides 0 argument\(s\) but target expects 1 to 2\.$/);
  });

  test("an argument that does not bind, without telling what it was", async () => {
    const prefix = "Failed to invoke 'Echo' due to an error on the server.";
    expect(await answer("Echo", [42])).toBe(prefix);
    expect(await answer("Echo", [42], true)).toBe(
      `${prefix} InvalidDataException: Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked.`,
    );
  });

  test("ReadToEndOfArgumentArrayOnError: what follows a call whose argument does not bind is read", async () => {
    const client = connect(testHub(), USER);
    client.invoke("Add", [{ deep: ["no number"] }, 2], "1");
    client.invoke("Echo", ["next"], "2");
    await settle();
    expect(client.messages()).toEqual([
      { type: 3, invocationId: "1", error: "Failed to invoke 'Add' due to an error on the server." },
      { type: 3, invocationId: "2", result: "next" },
    ]);
  });

  test.each(["Throw", "Fail"])("HubMethodCanThrowOrYieldFailedTask: %s", async (target) => {
    const prefix = `An unexpected error occurred invoking '${target}' on the server.`;
    expect(await answer(target)).toBe(prefix);
    expect(await answer(target, [], true)).toBe(`${prefix} Error: BOOM!`);
  });

  test("DetailedExceptionEvenWhenNotExplicitlySet: a HubException's message always reaches the client", async () => {
    expect(await answer("Hub")).toBe(
      "An unexpected error occurred invoking 'Hub' on the server. HubException: This is a hub exception",
    );
  });

  test("a streaming method called with invoke, and the reverse", async () => {
    expect(await answer("Stream")).toBe(
      "The client attempted to invoke the streaming 'Stream' method with a non-streaming invocation.",
    );
    const client = connect(testHub(), USER);
    client.send({ type: 4, invocationId: "1", target: "Echo", arguments: ["x"] });
    expect(client.messages()).toEqual([
      {
        type: 3,
        invocationId: "1",
        error: "The client attempted to invoke the non-streaming 'Echo' method with a streaming invocation.",
      },
    ]);
  });

  test("UnauthorizedConnectionCannotInvokeHubMethod, AuthorizedConnectionCanInvokeHubMethod", async () => {
    expect(await answer("AdminOnly")).toBe("Failed to invoke 'AdminOnly' because user is unauthorized");
    expect(await answer("AdminOnly", [], false, { admin: true })).toEqual({ result: "secret" });
  });

  test("HubMethodDoesNotSendResultWhenInvocationIsNonBlocking: not even errors, not even for unknown methods", async () => {
    const client = connect(testHub(), USER);
    for (const target of ["Echo", "Throw", "Fail", "Missing", "AdminOnly", "Stream"])
      client.invoke(target, ["x"]);
    await settle();
    expect(client.messages()).toEqual([]);
    expect(client.wire.closed).toBeNull();
  });

  test("errors the client is not told are reported; HubExceptions are not errors of ours", async () => {
    const reports: unknown[] = [];
    const report = (error: unknown, during: string) => void reports.push([(error as Error).message, during]);
    const client = connect(testHub(), USER, { settings: { report } });
    for (const target of ["Fail", "Hub", "Missing"]) client.invoke(target, [], "1");
    client.invoke("Echo", [1], "1");
    await settle();
    client.invoke("Loop", [], "1");
    expect(reports).toEqual([
      ["BOOM!", "hub method Fail"],
      [expect.stringContaining("BigInt"), "hub message"],
    ]);
  });

  test("a result that cannot be written ends the connection", () => {
    const client = connect(testHub(), USER);
    client.invoke("Loop", [], "1");
    expect(client.messages()).toEqual([
      { type: 7, error: "Connection closed with an error.", allowReconnect: true },
    ]);
  });

  test("names that differ in letter case only are refused when the hub is made", () => {
    const run = () => undefined;
    expect(() => createHub({ methods: { Echo: method({ run }), echo: method({ run }) } })).toThrow(
      "'echo' twice",
    );
  });
});

describe("calls of one client", () => {
  test("InvocationsRunInOrderWithNoParallelism", async () => {
    const gate = createGate();
    const calls: string[] = [];
    const client = connect(testHub(gate, calls), USER);
    client.invoke("Wait", ["a"], "1");
    client.invoke("Wait", ["b"], "2");
    client.invoke("Echo", ["c"], "3");
    await settle();
    expect(calls).toEqual(["a begins"]);
    gate.open();
    await settle();
    expect(calls).toEqual(["a begins", "a ends", "b begins"]);
    gate.open();
    await settle();
    expect(client.messages()).toEqual([
      { type: 3, invocationId: "1", result: "a" },
      { type: 3, invocationId: "2", result: "b" },
      { type: 3, invocationId: "3", result: "c" },
    ]);
  });

  test("a waiting call holds up what is behind it, without limit in time but with one in size", async () => {
    const gate = createGate();
    const client = connect(testHub(gate), USER, { settings: { maxUnread: 10_000 } });
    client.invoke("Wait", ["a"]);
    client.invoke("Wait", ["b"]);
    client.invoke("Echo", ["x".repeat(9_000)]);
    expect(client.connection.unread).toBeGreaterThan(9_000);
    expect(client.wire.closed).toBeNull();
    client.invoke("Echo", ["x".repeat(9_000)]);
    expect(client.messages()).toEqual([
      { type: 7, error: "Connection closed with an error.", allowReconnect: true },
    ]);
  });

  test("a call that ends after its connection has ended disturbs nobody", async () => {
    const gate = createGate();
    const calls: string[] = [];
    const client = connect(testHub(gate, calls), USER);
    client.invoke("Wait", ["a"], "1");
    client.invoke("Wait", ["b"], "2");
    client.connection.transportEnded(0);
    gate.open();
    await settle();
    expect(calls).toEqual(["a begins", "a ends"]);
    expect(client.messages()).toEqual([]);
  });

  test("ten thousand calls in one frame are answered in order, without deep recursion", async () => {
    const client = connect(testHub(), USER, { settings: { maxUnread: 10_000_000 } });
    const frame = Array.from(
      { length: 10_000 },
      (_, id) => `{"type":1,"invocationId":"${id}","target":"Echo","arguments":["x"]}\x1e`,
    ).join("");
    client.feed(frame);
    const ids = client.messages().map((message) => (message as { invocationId: string }).invocationId);
    expect(ids).toEqual(Array.from({ length: 10_000 }, (_, id) => `${id}`));
  });

  test("a method's signal is aborted when its client leaves", async () => {
    let signal: AbortSignal | undefined;
    const hub = createHub<Principal>({
      methods: {
        Watch: method({
          run(call) {
            signal = call.signal;
            return new Promise(() => {});
          },
        }),
      },
    });
    const client = connect(hub, USER);
    client.invoke("Watch", [], "1");
    expect(signal?.aborted).toBe(false);
    client.connection.transportEnded(0);
    expect(signal?.aborted).toBe(true);
  });
});
