import * as signalR from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Principal } from "../../src/accounts/principal.ts";
import { HubError } from "../../src/signalr/connection/invocation-errors.ts";
import { createHub, type Hub, method, streamMethod } from "../../src/signalr/hub.ts";
import { BareClient } from "../fixture/bare-client.ts";
import { AUTHORIZED_KEY, type SignalRServer, serveHub } from "../fixture/signalr-server.ts";

/** The methods of the hub that Microsoft's own functional tests call, as far as these tests need them. */
function createTestHub(): Hub<Principal> {
  const text = { parse: (value: unknown) => String(value) };
  const any = { parse: (value: unknown) => value };
  return createHub<Principal>({
    methods: {
      Echo: method({ args: [text], run: (_, value) => value }),
      EchoComplexObject: method({ args: [any], run: (_, value) => value }),
      GetCallerConnectionId: method({ run: (call) => call.connection.connectionId }),
      InvokeWithString: method({
        args: [text],
        run: (call, value) => call.connection.push("Message", value),
      }),
      SendCustomObject: method({
        args: [any],
        run: (call, value) => call.connection.push("CustomObject", value),
      }),
      ThrowException: method({
        args: [text],
        run(_, message) {
          throw new HubError(message);
        },
      }),
      Stream: streamMethod({
        async *run() {
          yield* ["a", "b", "c"];
        },
      }),
      InfiniteStream: streamMethod({
        async *run(call) {
          let value = 0;
          call.signal.addEventListener("abort", () => call.connection.push("StreamCanceled"));
          while (!call.signal.aborted) {
            yield value++;
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
        },
      }),
      EmptyStream: streamMethod({ async *run() {} }),
      StreamThrowException: streamMethod({
        args: [text],
        run(_, message): AsyncIterable<unknown> {
          throw new HubError(message);
        },
      }),
      StreamingConcat: method({
        uploads: [text],
        async run(call) {
          let all = "";
          for await (const part of call.uploads[0]) all += part;
          return all;
        },
      }),
      SendComplexObject: method({
        run: () => ({
          ByteArray: new Uint8Array([1, 2, 3]),
          DateTime: new Date(Date.UTC(2002, 3, 12, 1, 2, 3)),
          Guid: "00010203-0405-0607-0706-050403020100",
          IntArray: [5, 4, 3, 2, 1],
          String: "hello world",
        }),
      }),
      AskClient: method({ run: async (call) => `got ${await call.invoke("Question", "why")}` }),
      Abort: method({ run: (call) => call.connection.abort() }),
    },
  });
}

let server: SignalRServer;
beforeAll(() => {
  server = serveHub(createTestHub(), { detailedErrors: true });
});
afterAll(() => server.stop());

const open: signalR.HubConnection[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.stop()));
});

const { WebSockets, ServerSentEvents, LongPolling } = signalR.HttpTransportType;
const MATRIX = [
  ["WebSockets", "json", WebSockets],
  ["WebSockets", "messagepack", WebSockets],
  ["ServerSentEvents", "json", ServerSentEvents],
  ["LongPolling", "json", LongPolling],
  ["LongPolling", "messagepack", LongPolling],
] as const;

function build(
  transport: signalR.HttpTransportType,
  protocol: "json" | "messagepack",
  options: { skipNegotiation?: boolean } = {},
): signalR.HubConnectionBuilder {
  const builder = new signalR.HubConnectionBuilder()
    .withUrl(server.url, { transport, ...options })
    .configureLogging(signalR.LogLevel.None);
  return protocol === "json" ? builder : builder.withHubProtocol(new MessagePackHubProtocol());
}

async function start(builder: signalR.HubConnectionBuilder): Promise<signalR.HubConnection> {
  const connection = builder.build();
  open.push(connection);
  await connection.start();
  return connection;
}

/** The arguments of the next call of `target`. */
const next = (connection: signalR.HubConnection, target: string) =>
  new Promise<unknown[]>((resolve) => connection.on(target, (...args: unknown[]) => resolve(args)));

/** Everything a stream brings. */
function collect<T>(stream: signalR.IStreamResult<T>): Promise<T[]> {
  const items: T[] = [];
  return new Promise((resolve, reject) => {
    stream.subscribe({ next: (item) => items.push(item), error: reject, complete: () => resolve(items) });
  });
}

describe.each(MATRIX)("Microsoft's client over %s with %s", (_, protocol, transport) => {
  const connect = () => start(build(transport, protocol));

  test("can invoke server method and receive result", async () => {
    const connection = await connect();
    expect(await connection.invoke("Echo", "héllo 🎈")).toBe("héllo 🎈");
    expect(await connection.invoke("echo", "x".repeat(30_000))).toHaveLength(30_000);
  });

  test("can invoke server method structural object and receive structural result", async () => {
    const connection = await connect();
    const received = next(connection, "CustomObject");
    await connection.send("SendCustomObject", { Name: "test", Value: 42 });
    expect(await received).toEqual([{ Name: "test", Value: 42 }]);
  });

  test("can receive server calls", async () => {
    const connection = await connect();
    const received = next(connection, "Message");
    await connection.invoke("InvokeWithString", "hi");
    expect(await received).toEqual(["hi"]);
  });

  test("can handle different types", async () => {
    const connection = await connect();
    const value = { text: "a", list: [1, -2, 2 ** 40, 1.5], none: null, yes: true, deep: { er: [] } };
    expect(await connection.invoke("EchoComplexObject", value)).toEqual(value);
  });

  test("can receive different types", async () => {
    const connection = await connect();
    const received = await connection.invoke("SendComplexObject");
    const bytes = new Uint8Array([1, 2, 3]);
    const date = new Date(Date.UTC(2002, 3, 12, 1, 2, 3));
    expect(received).toEqual({
      // JSON has neither bytes nor times.
      ByteArray: protocol === "messagepack" ? bytes : { 0: 1, 1: 2, 2: 3 },
      DateTime: protocol === "messagepack" ? date : date.toISOString(),
      Guid: "00010203-0405-0607-0706-050403020100",
      IntArray: [5, 4, 3, 2, 1],
      String: "hello world",
    });
  });

  test("can stream server method and receive result; an empty one ends", async () => {
    const connection = await connect();
    expect(await collect(connection.stream("Stream"))).toEqual(["a", "b", "c"]);
    expect(await collect(connection.stream("EmptyStream"))).toEqual([]);
  });

  test("can stream server method and cancel stream", async () => {
    const connection = await connect();
    const cancelled = next(connection, "StreamCanceled");
    await new Promise<void>((resolve, reject) => {
      const subscription = connection.stream("InfiniteStream").subscribe({
        next(item) {
          if (item !== 2) return;
          subscription.dispose();
          resolve();
        },
        error: reject,
        complete: () => undefined,
      });
    });
    await cancelled;
  });

  test("can stream from client to server, and close with error", async () => {
    const connection = await connect();
    const letters = new signalR.Subject<string>();
    const all = connection.invoke("StreamingConcat", letters);
    for (const letter of "hello world".split("")) letters.next(letter);
    letters.complete();
    expect(await all).toBe("hello world");
    const failing = new signalR.Subject<string>();
    const failed = connection.invoke("StreamingConcat", failing);
    failing.error(new Error("Something bad"));
    await expect(failed).rejects.toThrow(/Something bad/);
  });

  test("rethrows an exception from the server when invoking, and when streaming", async () => {
    const connection = await connect();
    await expect(connection.invoke("ThrowException", "An error occurred.")).rejects.toThrow(
      "An unexpected error occurred invoking 'ThrowException' on the server. HubException: An error occurred.",
    );
    await expect(collect(connection.stream("StreamThrowException", "An error occurred."))).rejects.toThrow(
      "An unexpected error occurred invoking 'StreamThrowException' on the server. HubException: An error occurred.",
    );
  });

  test("throws an exception when invoking a streaming method with invoke, and a plain one with stream", async () => {
    const connection = await connect();
    await expect(connection.invoke("EmptyStream")).rejects.toThrow(
      "The client attempted to invoke the streaming 'EmptyStream' method with a non-streaming invocation.",
    );
    await expect(collect(connection.stream("Echo", "42"))).rejects.toThrow(
      "The client attempted to invoke the non-streaming 'Echo' method with a streaming invocation.",
    );
  });

  test("the server can ask the client", async () => {
    const connection = await connect();
    connection.on("Question", (text: string) => `because ${text}`);
    expect(await connection.invoke("AskClient")).toBe("got because why");
  });

  test("InvokeNonExistantClientMethodFromServer: the call fails, the connection goes on", async () => {
    const connection = await connect();
    await expect(connection.invoke("AskClient")).rejects.toThrow("Client didn't provide a result.");
    expect(await connection.invoke("Echo", "x")).toBe("x");
  });

  test("connection id matches server side connection id", async () => {
    const connection = await connect();
    expect(await connection.invoke("GetCallerConnectionId")).toBe(connection.connectionId);
  });

  test("can be restarted, and is forgotten when stopped", async () => {
    const connection = await connect();
    const first = connection.connectionId;
    await connection.stop();
    await connection.start();
    expect(connection.connectionId).not.toBe(first);
    expect(await connection.invoke("Echo", "again")).toBe("again");
  });

  test("a server that aborts closes the client without error", async () => {
    const connection = await connect();
    const closed = new Promise<Error | undefined>((resolve) => connection.onclose(resolve));
    connection.send("Abort").catch(() => undefined);
    expect(await closed).toBeUndefined();
  });
});

describe("Microsoft's client", () => {
  test("connection id is always null if negotiation is skipped", async () => {
    const connection = await start(build(WebSockets, "json", { skipNegotiation: true }));
    expect(connection.connectionId).toBeNull();
    expect(await connection.invoke("Echo", "x")).toBe("x");
  });

  test("over LongPolling it sends DELETE request and waits for poll to terminate", async () => {
    const connection = await start(build(LongPolling, "json"));
    const before = server.connections.size;
    await connection.stop();
    expect(server.connections.size).toBe(before - 1);
  });

  test("with stateful reconnect a cut socket loses nothing: same id, call answered, pushes in order", async () => {
    const connection = await start(build(WebSockets, "json").withStatefulReconnect());
    const id = connection.connectionId;
    const messages: string[] = [];
    const seen = new Promise<void>((resolve) => {
      connection.on("Message", (message: string) => {
        messages.push(message);
        if (message === "19") resolve();
      });
    });
    for (let number = 0; number < 20; number++) {
      if (number % 7 === 3) server.cutSockets();
      await connection.invoke("InvokeWithString", `${number}`);
    }
    await seen;
    expect(messages).toEqual(Array.from({ length: 20 }, (_, number) => `${number}`));
    expect(await connection.invoke("GetCallerConnectionId")).toBe(id);
  });

  test.each(MATRIX)(
    "can connect to hub with authorization over %s with %s",
    async (_, protocol, transport) => {
      const build = (key: string) => {
        const builder = new signalR.HubConnectionBuilder()
          .withUrl(server.authorizedUrl, { transport, accessTokenFactory: () => key })
          .configureLogging(signalR.LogLevel.None);
        return protocol === "json" ? builder : builder.withHubProtocol(new MessagePackHubProtocol());
      };
      const connection = await start(build(AUTHORIZED_KEY));
      expect(await connection.invoke("Echo", "x")).toBe("x");
      await expect(start(build("another"))).rejects.toThrow(/401/);
    },
  );

  test("a refused key stops a client that skips negotiation", async () => {
    const builder = new signalR.HubConnectionBuilder()
      .withUrl(server.authorizedUrl, { transport: WebSockets, skipNegotiation: true })
      .configureLogging(signalR.LogLevel.None);
    await expect(start(builder)).rejects.toThrow();
  });

  test("transport falls back from WebSockets to SSE, and for bytes to LongPolling", async () => {
    server.withoutWebSockets = true;
    try {
      for (const protocol of ["json", "messagepack"]) {
        const from = server.requests.length;
        const builder = new signalR.HubConnectionBuilder()
          .withUrl(server.url)
          .configureLogging(signalR.LogLevel.None);
        if (protocol === "messagepack") builder.withHubProtocol(new MessagePackHubProtocol());
        const connection = await start(builder);
        expect(await connection.invoke("Echo", "x")).toBe("x");
        const made = server.requests.slice(from);
        expect(made.filter((request) => request.includes("negotiate")).length).toBeGreaterThan(1);
        // Only polls carry a time, against caches.
        expect(made.some((request) => request.includes("_="))).toBe(protocol === "messagepack");
      }
    } finally {
      server.withoutWebSockets = false;
    }
  });

  test.each(MATRIX)("preserves the query of its url over %s with %s", async (name, protocol, transport) => {
    const from = server.requests.length;
    const builder = new signalR.HubConnectionBuilder()
      .withUrl(`${server.url}?a=${name}&b=${protocol}`, { transport })
      .configureLogging(signalR.LogLevel.None);
    if (protocol === "messagepack") builder.withHubProtocol(new MessagePackHubProtocol());
    const connection = await start(builder);
    expect(await connection.invoke("Echo", "x")).toBe("x");
    // What an earlier test's client still sends has no such query.
    const made = server.requests
      .slice(from)
      .filter((request) => request.includes(`?a=${name}&b=${protocol}&`));
    expect(made[0]).toBe(`POST /hubs/test/negotiate?a=${name}&b=${protocol}&negotiateVersion=1`);
    expect(made.length).toBeGreaterThan(1);
  });

  test("can reconnect: a cut socket is replaced by a connection with another id", async () => {
    const connection = await start(build(WebSockets, "json").withAutomaticReconnect([0]));
    const first = connection.connectionId;
    const reconnected = new Promise<string | undefined>((resolve) => connection.onreconnected(resolve));
    server.cutSockets();
    const second = await reconnected;
    expect(second).not.toBe(first);
    expect(await connection.invoke("GetCallerConnectionId")).toBe(second);
  });

  test("can receive server calls without rebinding handler when restarted", async () => {
    const connection = await start(build(WebSockets, "json"));
    const received: unknown[] = [];
    connection.on("Message", (message) => received.push(message));
    await connection.invoke("InvokeWithString", "before");
    await connection.stop();
    await connection.start();
    await connection.invoke("InvokeWithString", "after");
    expect(received).toEqual(["before", "after"]);
  });

  test("can invoke server method non-blocking and not receive result", async () => {
    const connection = await start(build(WebSockets, "json"));
    await connection.send("Echo", "x");
    expect(await connection.invoke("Echo", "y")).toBe("y");
  });

  test("ConnectionTests: a connection without hub protocol is told that its handshake is none, by message and close", async () => {
    const socket = new WebSocket(server.url.replace("http", "ws"));
    const frames: unknown[] = [];
    socket.onmessage = ({ data }) => frames.push(data);
    const closed = new Promise<CloseEvent>((resolve) => {
      socket.onclose = resolve;
    });
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    socket.send("hello\x1e");
    expect((await closed).code).toBe(1000);
    expect(String(frames[0])).toMatch(/^\{"error":"An unexpected error occurred during connection handshake/);
  });

  test("can reconnect after skipping negotiation", async () => {
    const builder = build(WebSockets, "json", { skipNegotiation: true }).withAutomaticReconnect([0]);
    const connection = await start(builder);
    const reconnected = new Promise((resolve) => connection.onreconnected(resolve));
    server.cutSockets();
    await reconnected;
    expect(await connection.invoke("Echo", "x")).toBe("x");
  });

  test.each(MATRIX)(
    "can reconnect over %s with %s when the server says so",
    async (_, protocol, transport) => {
      const connection = await start(build(transport, protocol).withAutomaticReconnect([0]));
      const first = connection.connectionId;
      const reconnected = new Promise<string | undefined>((resolve) => connection.onreconnected(resolve));
      server.connections.close("anybody", { allowReconnect: true });
      expect(await reconnected).not.toBe(first);
      expect(await connection.invoke("Echo", "x")).toBe("x");
    },
  );

  test.each(MATRIX)(
    "closed with error or start fails if hub cannot be created, over %s with %s",
    async (_, protocol, transport) => {
      const uncreatable = createHub<Principal>({
        methods: {},
        onConnected() {
          throw new HubError("no");
        },
      });
      const own = serveHub(uncreatable);
      const builder = new signalR.HubConnectionBuilder()
        .withUrl(own.url, { transport })
        .configureLogging(signalR.LogLevel.None);
      if (protocol === "messagepack") builder.withHubProtocol(new MessagePackHubProtocol());
      const connection = builder.build();
      const closed = new Promise<Error | undefined>((resolve) => connection.onclose(resolve));
      // Which of the two depends on whether the Close message comes with the handshake's answer.
      const failure = await connection.start().then(
        () => closed,
        (error: Error) => error,
      );
      expect(failure?.message).toBe(
        "Server returned an error on close: Connection closed with an error. HubException: no",
      );
      await own.stop();
    },
  );

  test.each(MATRIX.filter(([name]) => name !== "LongPolling"))(
    "terminates if no messages received within timeout interval, over %s with %s",
    async (_, protocol, transport) => {
      const connection = build(transport, protocol).build();
      connection.serverTimeoutInMilliseconds = 100;
      open.push(connection);
      const closed = new Promise<Error | undefined>((resolve) => connection.onclose(resolve));
      await connection.start();
      expect((await closed)?.message).toBe(
        "Server timeout elapsed without receiving a message from the server.",
      );
    },
  );

  test("with stateful reconnect a new socket replaces one that still lives, and goes on", async () => {
    const answer = await fetch(`${server.url}/negotiate?negotiateVersion=1&useStatefulReconnect=true`, {
      method: "POST",
    });
    const { connectionToken } = (await answer.json()) as { connectionToken: string };
    const url = `${server.url}?id=${connectionToken}`;
    const first = new BareClient(url, "anybody");
    await first.opened;
    first.socket.send('{"protocol":"json","version":2}\x1e');
    await first.until((message) => Object.keys(message).length === 0);
    const second = new BareClient(url, "anybody");
    await second.opened;
    await first.ended;
    await second.until(({ type }) => type === 9);
    second.socket.send('{"type":9,"sequenceId":1}\x1e');
    for (const id of ["1", "2"]) {
      second.socket.send(`{"type":1,"invocationId":"${id}","target":"Echo","arguments":["${id}"]}\x1e`);
      expect((await second.until(({ invocationId }) => invocationId === id)).result).toBe(id);
      // The first socket's end, seen late, ends nothing.
      await new Promise((resolve) => setImmediate(resolve));
    }
    second.close();
  });
});
