import { describe, expect, test } from "vitest";
import { HubError } from "../../../../src/signalr/connection/invocation-errors.ts";
import { createHub, method, streamMethod } from "../../../../src/signalr/hub.ts";
import { messagePackProtocol } from "../../../../src/signalr/protocols/messagepack-protocol.ts";
import { PING } from "../../../../src/signalr/protocols/messages.ts";
import { connect, type HubClient, settle } from "../../../fixture/hub-client.ts";

const any = { parse: (value: unknown) => value };
const text = {
  parse(value: unknown): string {
    if (typeof value !== "string") throw new Error("Expected text");
    return value;
  },
};

function stream(
  client: HubClient,
  target: string,
  args: unknown[] = [],
  invocationId = "1",
  streamIds?: string[],
) {
  client.send({
    type: 4,
    invocationId,
    target,
    arguments: args,
    ...(streamIds === undefined ? {} : { streamIds }),
  });
}

const item = (value: unknown, invocationId = "1") => ({ type: 2, invocationId, item: value });
const end = (invocationId = "1") => ({ type: 3, invocationId });

/** `produced` counts what the endless stream was asked for; `stopped` notes which streams were ended early. */
function streamHub(state = { produced: 0, stopped: [] as string[] }) {
  return createHub<unknown>({
    methods: {
      Count: streamMethod({
        args: [{ parse: Number }],
        async *run(_, count) {
          for (let value = 0; value < count; value++) yield value;
        },
      }),
      Undefined: streamMethod({
        async *run() {
          yield undefined;
        },
      }),
      Endless: streamMethod({
        async *run(call) {
          call.signal.addEventListener("abort", () => state.stopped.push("signal"));
          try {
            for (;;) yield state.produced++;
          } finally {
            state.stopped.push("finally");
          }
        },
      }),
      Stuck: streamMethod({
        async *run() {
          yield "first";
          await new Promise(() => {});
        },
      }),
      NeverBegins: streamMethod({ run: () => new Promise<never>(() => {}) }),
      Null: streamMethod({ run: () => null }),
      Later: streamMethod({
        run: () =>
          Promise.resolve(
            (async function* () {
              yield "later";
            })(),
          ),
      }),
      Throw: streamMethod({
        run: (): AsyncIterable<unknown> => {
          throw new HubError("no stream today");
        },
      }),
      Midway: streamMethod({
        async *run() {
          yield "good";
          throw new Error("BOOM!");
        },
      }),
      Unwritable: streamMethod({
        async *run() {
          yield 1n;
        },
      }),
      Concat: method({
        uploads: [text],
        async run(call) {
          let all = "";
          for await (const part of call.uploads[0]) all += part;
          return all;
        },
      }),
      Both: method({
        args: [text],
        uploads: [any, any],
        async run(call, prefix) {
          const seen: unknown[] = [prefix];
          for (const upload of call.uploads) for await (const value of upload) seen.push(value);
          return seen;
        },
      }),
      Double: streamMethod({
        uploads: [text],
        async *run(call) {
          for await (const value of call.uploads[0]) yield value + value;
        },
      }),
      FirstOf: method({
        uploads: [any],
        async run(call) {
          for await (const value of call.uploads[0]) return value;
          return null;
        },
      }),
      Ignore: method({ uploads: [any], run: () => "done" }),
      Hold: method({ uploads: [any], run: () => new Promise(() => {}) }),
      Echo: method({ args: [any], run: (_, value) => value }),
    },
  });
}

describe("streams to the client", () => {
  test.each(["json", "messagepack"])(
    "HubsCanStreamResponses over %s: items, then a bare completion",
    async (name) => {
      const client = connect(streamHub(), 0, name === "json" ? {} : { protocol: messagePackProtocol });
      stream(client, "Count", [3]);
      await settle();
      expect(client.messages()).toEqual([item(0), item(1), item(2), end()]);
    },
  );

  test("an undefined item is an explicit null", async () => {
    const client = connect(streamHub(), 0);
    stream(client, "Undefined");
    await settle();
    expect(client.messages()).toEqual([item(null), end()]);
  });

  test("a stream may be promised", async () => {
    const client = connect(streamHub(), 0);
    stream(client, "Later");
    await settle();
    expect(client.messages()).toEqual([item("later"), end()]);
  });

  test("NonErrorCompletionSentWhenStreamCanceledFromClient: the method is told, and cleans up", async () => {
    const state = { produced: 0, stopped: [] as string[] };
    const client = connect(streamHub(state), 0);
    client.wire.roomy = false;
    stream(client, "Endless");
    await settle();
    client.send({ type: 5, invocationId: "1" });
    await settle();
    expect(client.messages()).toEqual([item(0), end()]);
    expect(state.stopped).toEqual(["signal", "finally"]);
  });

  test.each(["Stuck", "NeverBegins"])(
    "cancelling %s completes it although its method never moves",
    async (target) => {
      const client = connect(streamHub(), 0);
      stream(client, target);
      await settle();
      client.send({ type: 5, invocationId: "1" });
      await settle();
      expect(client.messages().at(-1)).toEqual(end());
    },
  );

  test("ReceiveCorrectErrorFromStreamThrowing: after the items already sent", async () => {
    const quiet = connect(streamHub(), 0);
    stream(quiet, "Midway");
    await settle();
    const error = "An error occurred on the server while streaming results.";
    expect(quiet.messages()).toEqual([item("good"), { ...end(), error }]);
    const detailed = connect(streamHub(), 0, { settings: { detailedErrors: true } });
    stream(detailed, "Midway");
    await settle();
    expect(detailed.messages()).toEqual([item("good"), { ...end(), error: `${error} Error: BOOM!` }]);
  });

  test.each([
    ["Throw", "An unexpected error occurred invoking 'Throw' on the server. HubException: no stream today"],
    [
      "Null",
      "The value returned by the streaming method 'Null' is not a ChannelReader<> or IAsyncEnumerable<>.",
    ],
    [
      "Missing",
      "Failed to invoke 'Missing' due to an error on the server. HubException: Method does not exist.",
    ],
  ])("%s is completed with its error", async (target, error) => {
    const client = connect(streamHub(), 0);
    stream(client, target);
    await settle();
    expect(client.messages()).toEqual([{ ...end(), error }]);
  });

  test("an id in use is refused and the stream that has it goes on", async () => {
    const client = connect(streamHub(), 0);
    stream(client, "Stuck");
    stream(client, "Count", [1]);
    await settle();
    expect(client.messages()).toEqual([
      { ...end(), error: "Invocation ID '1' is already in use." },
      item("first"),
    ]);
  });

  test("an id is free again when its stream has ended", async () => {
    const client = connect(streamHub(), 0);
    for (let turn = 0; turn < 2; turn++) {
      stream(client, "Count", [1]);
      await settle();
      expect(client.messages()).toEqual([item(0), end()]);
    }
  });

  test("StreamInvocationsDoNotBlockOtherInvocations", async () => {
    const client = connect(streamHub(), 0);
    stream(client, "Stuck", [], "1");
    stream(client, "Stuck", [], "2");
    client.invoke("Echo", ["x"], "3");
    expect(client.messages()).toEqual([{ type: 3, invocationId: "3", result: "x" }]);
  });

  test("a connection has a limited number of streams", async () => {
    const client = connect(streamHub(), 0, { settings: { maxStreams: 2 } });
    for (const id of ["1", "2", "3"]) stream(client, "NeverBegins", [], id);
    client.invoke("Hold", [], "4", ["s"]);
    const error = (target: string) =>
      `Failed to invoke '${target}' due to an error on the server. HubException: A connection may have 2 streams open; end one first.`;
    expect(client.messages()).toEqual([
      { ...end("3"), error: error("NeverBegins") },
      { ...end("4"), error: error("Hold") },
    ]);
  });

  test("an endless stream waits for a congested transport, however often", async () => {
    const state = { produced: 0, stopped: [] as string[] };
    const client = connect(streamHub(state), 0);
    client.wire.roomy = false;
    stream(client, "Endless");
    for (let turn = 1; turn <= 3; turn++) {
      await settle();
      expect(state.produced).toBe(turn);
      client.connection.drained();
    }
  });

  test("a stream ends with its connection", async () => {
    const state = { produced: 0, stopped: [] as string[] };
    const client = connect(streamHub(state), 0);
    client.wire.roomy = false;
    stream(client, "Endless");
    await settle();
    client.connection.transportEnded(0);
    await settle();
    expect(state.stopped).toEqual(["signal", "finally"]);
    expect(client.connection.save()).toBeNull();
  });

  test("an item that cannot be written ends the connection", async () => {
    const client = connect(streamHub(), 0);
    stream(client, "Unwritable");
    await settle();
    expect(client.messages()).toEqual([
      { type: 7, error: "Connection closed with an error.", allowReconnect: true },
    ]);
  });

  test("cancelling what is no stream is ignored", () => {
    const client = connect(streamHub(), 0);
    client.send({ type: 5, invocationId: "77" });
    expect(client.wire.closed).toBeNull();
  });
});

describe("streams from the client", () => {
  const upload = (client: HubClient, id: string, ...values: unknown[]) => {
    for (const value of values) client.send({ type: 2, invocationId: id, item: value });
  };

  test("UploadStringsToConcat", async () => {
    const client = connect(streamHub(), 0);
    client.invoke("Concat", [], "1", ["s"]);
    upload(client, "s", "B", "E", "A", "N", "E", "D");
    client.send({ type: 3, invocationId: "s" });
    await settle();
    expect(client.messages()).toEqual([{ ...end(), result: "BEANED" }]);
  });

  test("UploadManyStreams: several streams beside arguments, items mixed", async () => {
    const client = connect(streamHub(), 0);
    client.invoke("Both", ["p"], "1", ["a", "b"]);
    upload(client, "b", { deep: 1 });
    upload(client, "a", 1, 2);
    client.send({ type: 3, invocationId: "b" });
    client.send({ type: 3, invocationId: "a" });
    await settle();
    expect(client.messages()).toEqual([{ ...end(), result: ["p", 1, 2, { deep: 1 }] }]);
  });

  test("CanPassStreamingParameterToStreamHubMethod", async () => {
    const client = connect(streamHub(), 0);
    stream(client, "Double", [], "1", ["s"]);
    upload(client, "s", "a", "b");
    client.send({ type: 3, invocationId: "s" });
    await settle();
    expect(client.messages()).toEqual([item("aa"), item("bb"), end()]);
  });

  test("UploadStreamCompleteWithError: the reader gets the items, then the error", async () => {
    const client = connect(streamHub(), 0, { settings: { detailedErrors: true } });
    client.invoke("Concat", [], "1", ["s"]);
    upload(client, "s", "a");
    client.send({ type: 3, invocationId: "s", error: "Something bad" });
    await settle();
    expect(client.messages()).toEqual([
      {
        ...end(),
        error: "An unexpected error occurred invoking 'Concat' on the server. Exception: Something bad",
      },
    ]);
  });

  test("UploadStreamItemInvalidType fails that stream only", async () => {
    const client = connect(streamHub(), 0);
    client.invoke("Concat", [], "1", ["s"]);
    upload(client, "s", "a", 42, "b");
    client.invoke("Echo", ["still here"], "2");
    await settle();
    expect(client.messages()).toEqual([
      { ...end("2"), result: "still here" },
      { ...end(), error: "An unexpected error occurred invoking 'Concat' on the server." },
    ]);
  });

  test("UploadStreamItemInvalidId, and items after the end, are ignored", async () => {
    const client = connect(streamHub(), 0);
    upload(client, "nobody", 1);
    client.send({ type: 3, invocationId: "nobody", result: 1 });
    client.invoke("Ignore", [], "1", ["s"]);
    upload(client, "s", ...Array(30).fill(0));
    client.send({ type: 3, invocationId: "s" });
    client.invoke("Echo", ["on"], "2");
    expect(client.messages()).toEqual([
      { ...end(), result: "done" },
      { ...end("2"), result: "on" },
    ]);
  });

  test.each([
    ["Echo", ["x"], ["s"], "Client sent 1 stream(s), Hub method expects 0."],
    ["Concat", [], undefined, "Client sent 0 stream(s), Hub method expects 1."],
    ["Concat", [], ["s", "t"], "Client sent 2 stream(s), Hub method expects 1."],
  ])("%s with a wrong number of streams: %j %j", (target, args, streamIds, text) => {
    const client = connect(streamHub(), 0);
    client.invoke(target, args, "1", streamIds);
    expect(client.messages()).toEqual([
      {
        ...end(),
        error: `An unexpected error occurred invoking '${target}' on the server. HubException: ${text}`,
      },
    ]);
  });

  test("one id for two streams is refused, at once and later", () => {
    const client = connect(streamHub(), 0);
    client.invoke("Both", ["p"], "1", ["s", "s"]);
    client.invoke("Hold", [], "2", ["s"]);
    client.invoke("Concat", [], "3", ["s"]);
    const error = "Invocation ID 's' is already in use.";
    expect(client.messages()).toEqual([
      { ...end("1"), error },
      { ...end("3"), error },
    ]);
  });

  test("calls with uploads do not take the place of plain calls", () => {
    const client = connect(streamHub(), 0);
    client.invoke("Concat", [], "1", ["s"]);
    client.invoke("Echo", ["x"], "2");
    expect(client.messages()).toEqual([{ ...end("2"), result: "x" }]);
  });

  test("StreamUploadBufferCapacityBlocksOtherInvocations: ten items wait, the eleventh stops the reading", async () => {
    const client = connect(streamHub(), 0);
    client.invoke("Hold", [], "1", ["s"]);
    upload(client, "s", ...Array(10).fill(0));
    client.invoke("Echo", ["tenth"], "2");
    upload(client, "s", 0);
    client.invoke("Echo", ["eleventh"], "3");
    await settle();
    expect(client.messages()).toEqual([{ ...end("2"), result: "tenth" }]);
    expect(client.connection.unread).toBeGreaterThan(0);
  });

  test("a reader that takes its time sees every item in order", async () => {
    const client = connect(streamHub(), 0);
    client.invoke("Concat", [], "1", ["s"]);
    const letters = Array.from({ length: 100 }, (_, index) => `${index};`);
    upload(client, "s", ...letters);
    client.send({ type: 3, invocationId: "s" });
    client.send(PING);
    for (let turn = 0; turn < 20; turn++) await settle();
    expect(client.messages()).toEqual([{ ...end(), result: letters.join("") }]);
  });

  test("an endless upload that nobody reads ends its connection, not the process", () => {
    const client = connect(streamHub(), 0, { settings: { maxUnread: 100_000 } });
    client.invoke("Hold", [], "1", ["s"]);
    let sent = 0;
    for (; client.wire.closed === null && sent < 1_000_000; sent += 1000)
      upload(client, "s", "x".repeat(1000));
    expect(client.wire.closed).not.toBeNull();
    expect(sent).toBeLessThan(120_000);
  });

  test("a method that ends early frees a reading stuck on its upload", async () => {
    const client = connect(streamHub(), 0);
    client.invoke("FirstOf", [], "1", ["s"]);
    upload(client, "s", ...Array.from({ length: 30 }, (_, index) => index));
    client.invoke("Echo", ["on"], "2");
    await settle();
    expect(client.messages()).toEqual([
      { ...end("2"), result: "on" },
      { ...end(), result: 0 },
    ]);
  });

  test("a reader that outlives its method sees the end", async () => {
    let ended = false;
    const hub = createHub<unknown>({
      methods: {
        Leave: method({
          uploads: [any],
          run(call) {
            void (async () => {
              for await (const _ of call.uploads[0]);
              ended = true;
            })();
          },
        }),
      },
    });
    const client = connect(hub, 0);
    client.invoke("Leave", [], "1", ["s"]);
    await settle();
    expect(ended).toBe(true);
  });

  test("ConnectionCloseCleansUploadStreams: their readers are told", async () => {
    let outcome: unknown;
    const hub = createHub<unknown>({
      methods: {
        Read: method({
          uploads: [any],
          async run(call) {
            try {
              for await (const _ of call.uploads[0]);
            } catch (error) {
              outcome = error;
            }
          },
        }),
      },
    });
    const client = connect(hub, 0);
    client.invoke("Read", [], "1", ["s"]);
    client.connection.transportEnded(0);
    await settle();
    expect(outcome).toMatchObject({ message: "The underlying connection was closed." });
  });
});
