import { describe, expect, test } from "vitest";
import { createHub, method, streamMethod } from "../../../../src/signalr/hub.ts";
import type { Chunk, HubProtocol } from "../../../../src/signalr/protocols/hub-protocol.ts";
import { jsonProtocol } from "../../../../src/signalr/protocols/json-protocol.ts";
import { decodeMessagePack, encodeMessagePack } from "../../../../src/signalr/protocols/messagepack.ts";
import { messagePackProtocol } from "../../../../src/signalr/protocols/messagepack-protocol.ts";
import type { HubMessage } from "../../../../src/signalr/protocols/messages.ts";
import { connect, HubClient, settle } from "../../../fixture/hub-client.ts";
import { createSeededRandom, type SeededRandom } from "../../../fixture/seeded-random.ts";

const PROTOCOLS = [jsonProtocol, messagePackProtocol];
const MAX_UNREAD = 64 * 1024;
const any = { parse: (value: unknown) => value };
const utf8 = new TextEncoder();

function fuzzHub() {
  return createHub<unknown>({
    methods: {
      Echo: method({ args: [any], run: (_, value) => value }),
      Later: method({ args: [any], run: async (_, value) => value }),
      Throw: method({ run: () => Promise.reject(new Error("no")) }),
      Count: streamMethod({
        async *run() {
          for (let value = 0; value < 3; value++) yield value;
        },
      }),
      Sum: method({
        uploads: [any],
        async run(call) {
          let count = 0;
          for await (const _ of call.uploads[0]) count++;
          return count;
        },
      }),
    },
  });
}

function randomValue(random: SeededRandom, depth = 0): unknown {
  switch (random.below(depth > 3 ? 6 : 8)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 0;
    case 2:
      return random.below(2 ** 32) - 2 ** 31;
    case 3:
      return random.next() * 1e6;
    case 4:
      return random.pick(["", "a", "é🎈", "__proto__", '\x1e\n"\\', "x".repeat(random.below(300))]);
    case 5:
      return random.below(2 ** 20) * 2 ** 30;
    case 6:
      return Array.from({ length: random.below(5) }, () => randomValue(random, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(5) }, (_, index) => [`k${index}`, randomValue(random, depth + 1)]),
      );
  }
}

/** Valid traffic: every upload that is begun is fed and ended. */
function randomTraffic(random: SeededRandom): HubMessage[] {
  const messages: HubMessage[] = [];
  for (let id = 0; id < 30; id++) {
    const invocationId = `${id}`;
    switch (random.below(6)) {
      case 0:
        messages.push({ type: 6 });
        break;
      case 1:
        messages.push({ type: 4, invocationId, target: "Count", arguments: [] });
        break;
      case 2:
        messages.push({ type: 1, invocationId, target: "Sum", arguments: [], streamIds: [`u${id}`] });
        for (let item = 0; item < 5; item++)
          messages.push({ type: 2, invocationId: `u${id}`, item: randomValue(random) });
        messages.push({ type: 3, invocationId: `u${id}` });
        break;
      case 3:
        messages.push({ type: 1, target: "Echo", arguments: [randomValue(random)] });
        break;
      case 4:
        messages.push({ type: 1, invocationId, target: random.pick(["Throw", "Missing"]), arguments: [] });
        break;
      default:
        messages.push({
          type: 1,
          invocationId,
          target: random.pick(["Echo", "Later"]),
          arguments: [randomValue(random)],
        });
    }
  }
  return messages;
}

function toBytes(protocol: HubProtocol, messages: readonly HubMessage[]): Uint8Array {
  const frames = messages.map((message) => {
    const frame = protocol.write(message);
    return typeof frame === "string" ? utf8.encode(frame) : frame;
  });
  return Uint8Array.from([
    ...utf8.encode(`{"protocol":"${protocol.name}","version":1}\x1e`),
    ...frames.flatMap((frame) => [...frame]),
  ]);
}

function cut(random: SeededRandom, bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const largest = random.pick([1, 3, 20, 200, 5_000]);
  for (let from = 0; from < bytes.length; ) {
    const to = from + 1 + random.below(largest);
    chunks.push(bytes.slice(from, to));
    from = to;
  }
  return chunks;
}

/** What a client gets for this, with the answers in the order of their ids: calls that wait may overtake. */
async function answersTo(protocol: HubProtocol, chunks: readonly Chunk[]): Promise<string[]> {
  const client = new HubClient(fuzzHub(), 0, { protocol });
  for (const chunk of chunks) client.feed(chunk);
  for (let turn = 0; turn < 10; turn++) await settle();
  client.handshakeAnswer();
  return client
    .messages()
    .map((message) => JSON.stringify(message))
    .sort();
}

describe.each(PROTOCOLS)("random splits of valid traffic over $name", (protocol) => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    "seed %d gets the same answers as in one piece",
    async (seed) => {
      const random = createSeededRandom(seed);
      const bytes = toBytes(protocol, randomTraffic(random));
      const whole = await answersTo(protocol, [bytes]);
      expect(whole.some((answer) => answer.includes('"type":7'))).toBe(false);
      expect(await answersTo(protocol, cut(random, bytes))).toEqual(whole);
    },
  );
});

describe("random bytes", () => {
  test("as values: decoding ends, and what decodes is written and read again as the same", () => {
    const random = createSeededRandom(7);
    let decoded = 0;
    for (let round = 0; round < 10_000; round++) {
      const bytes = random.bytes(1 + random.below(24));
      let value: unknown;
      try {
        value = decodeMessagePack(bytes, 16);
      } catch (error) {
        expect(error).toMatchObject({ name: "InvalidDataException" });
        continue;
      }
      decoded++;
      let written: Uint8Array;
      try {
        written = encodeMessagePack(value);
      } catch {
        // A timestamp beyond the range of `Date` is the one value that reads and cannot be written.
        continue;
      }
      expect(decodeMessagePack(written, 16)).toEqual(value);
    }
    expect(decoded).toBeGreaterThan(200);
  });

  test.each([
    ["before any handshake", null],
    ["after a json handshake", jsonProtocol],
    ["after a messagepack handshake", messagePackProtocol],
  ])("%s end the connection or are waited for, and never throw", async (_, protocol) => {
    for (let seed = 0; seed < 300; seed++) {
      const random = createSeededRandom(seed);
      const settings = { maxUnread: MAX_UNREAD };
      const client =
        protocol === null
          ? new HubClient(fuzzHub(), 0, { settings })
          : connect(fuzzHub(), 0, { protocol, settings });
      for (let round = 0; round < 20 && !client.connection.closed; round++) {
        const bytes = random.bytes(random.below(2_000));
        client.feed(random.below(2) === 0 ? bytes : new TextDecoder().decode(bytes));
        expect(client.connection.unread).toBeLessThan(MAX_UNREAD + 8_000);
      }
      client.pass(60_000);
      client.connection.transportEnded(client.now);
      expect(client.ended).toBe(1);
    }
    await settle();
  });

  test.each(PROTOCOLS)(
    "inside valid traffic over $name end the connection or pass, and never throw",
    async (protocol) => {
      for (let seed = 0; seed < 200; seed++) {
        const random = createSeededRandom(seed);
        const bytes = toBytes(protocol, randomTraffic(random));
        for (let wound = 0; wound < 3; wound++) bytes[random.below(bytes.length)] = random.below(256);
        const client = new HubClient(fuzzHub(), 0, { protocol, statefulReconnect: seed % 2 === 0 });
        for (const chunk of cut(random, bytes)) client.feed(chunk);
        for (let turn = 0; turn < 3; turn++) await settle();
        client.connection.transportEnded(client.now);
        client.pass(30_000);
        expect(client.ended).toBe(1);
      }
    },
  );
});
