import { describe, expect, test } from "vitest";
import { createHub, type HubConnection, method } from "../../../../src/signalr/hub.ts";
import { connect, settle } from "../../../fixture/hub-client.ts";

const hub = createHub<unknown>({
  methods: {
    Ask: method({ run: async (call) => `client said ${await call.invoke("Question", 42)}` }),
    Echo: method({ args: [{ parse: String }], run: (_, value) => value }),
  },
});

const ask = { type: 1, invocationId: "s1", target: "Question", arguments: [42] };
const failed = "An unexpected error occurred invoking 'Ask' on the server.";

describe("calling the client and waiting for its answer", () => {
  test("CanReturnClientResultToHub", async () => {
    const client = connect(hub, 0);
    client.invoke("Ask", [], "1");
    expect(client.messages()).toEqual([ask]);
    client.send({ type: 3, invocationId: "s1", result: "blue" });
    await settle();
    expect(client.messages()).toEqual([{ type: 3, invocationId: "1", result: "client said blue" }]);
  });

  test("CanReturnClientResultErrorToHub: it surfaces as a HubException", async () => {
    const client = connect(hub, 0);
    client.invoke("Ask", [], "1");
    client.messages();
    client.send({ type: 3, invocationId: "s1", error: "Client didn't provide a result." });
    await settle();
    expect(client.messages()).toEqual([
      { type: 3, invocationId: "1", error: `${failed} HubException: Client didn't provide a result.` },
    ]);
  });

  test("ClientResultFromHubDoesNotBlockReceiveLoop: the client's next call runs meanwhile", async () => {
    const client = connect(hub, 0);
    client.invoke("Ask", [], "1");
    client.invoke("Echo", ["x"], "2");
    expect(client.messages()).toEqual([ask, { type: 3, invocationId: "2", result: "x" }]);
    client.send({ type: 3, invocationId: "s1", result: 1 });
    await settle();
    expect(client.messages()).toEqual([{ type: 3, invocationId: "1", result: "client said 1" }]);
  });

  test("CanUseClientResultsWithIHubContext: also from outside of a method; a void answer is null", async () => {
    const client = connect(hub, 0);
    const result = client.connection.invoke("Question");
    client.send({ type: 3, invocationId: "s1" });
    expect(await result).toBeNull();
  });

  test("an answer over another connection answers nothing", async () => {
    const asked = connect(hub, 0);
    const other = connect(hub, 0, { connectionId: "c2" });
    const result = asked.connection.invoke("Question");
    other.send({ type: 3, invocationId: "s1", result: "forged" });
    asked.send({ type: 3, invocationId: "s1", result: "own" });
    expect(await result).toBe("own");
  });

  test("a second answer is ignored", async () => {
    const client = connect(hub, 0);
    const result = client.connection.invoke("Question");
    client.send({ type: 3, invocationId: "s1", result: 1 });
    client.send({ type: 3, invocationId: "s1", result: 2 });
    expect(await result).toBe(1);
    expect(client.wire.closed).toBeNull();
  });

  test("a client that leaves fails the call", async () => {
    const client = connect(hub, 0);
    const result = client.connection.invoke("Question");
    client.connection.transportEnded(0);
    await expect(result).rejects.toThrow("Connection 'c1' disconnected.");
  });

  test("a client that stays silent fails the call after a minute, and late answers are ignored", async () => {
    const client = connect(hub, 0);
    const result = client.connection.invoke("Question").catch((error: Error) => error.message);
    client.pass(60_000);
    expect(await result).toBe("The client did not answer in time.");
    client.send({ type: 3, invocationId: "s1", result: 1 });
    expect(client.wire.closed).toBeNull();
  });

  test("a client may owe a limited number of answers", async () => {
    const client = connect(hub, 0, { settings: { maxClientResults: 1 } });
    const owed = client.connection.invoke("Question");
    await expect(client.connection.invoke("Question")).rejects.toThrow("The client owes too many answers.");
    client.send({ type: 3, invocationId: "s1", result: 1 });
    expect(await owed).toBe(1);
  });

  test("ThrowsWhenUsedInOnConnectedAsync, ThrowsWhenUsedInOnDisconnectedAsync", async () => {
    const errors: string[] = [];
    const note = (connection: HubConnection<unknown>) =>
      connection.invoke("Question").then(
        () => undefined,
        (error: Error) => void errors.push(error.message),
      );
    const client = connect(createHub<unknown>({ methods: {}, onConnected: note, onDisconnected: note }), 0);
    await settle();
    client.connection.abort();
    await settle();
    expect(errors).toEqual([
      "Client results inside OnConnectedAsync Hub methods are not allowed.",
      "Connection 'c1' disconnected.",
    ]);
  });
});
