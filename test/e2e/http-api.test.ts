/** The API's promises again, kept by the started program; and the whole way of a picture as a client goes it. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireAccepted, WireEvent, WireTask } from "../../src/protocol/task.ts";
import { httpApiContract } from "../contract/http-api.ts";
import { EventSourceClient, type ReceivedEvent } from "../fixture/event-source.ts";
import { readPng } from "../fixture/png-reader.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

async function startServer() {
  const folder = await temporaryFolder();
  const server = await ServerProcess.start({ dataDir: folder.path });
  return {
    server,
    async close() {
      await server.kill();
      await folder.remove();
    },
  };
}

httpApiContract({
  name: "of the started program",
  async open() {
    const { server, close } = await startServer();
    return {
      fetch: (path, init) => fetch(new URL(path, server.url), init),
      key: BOOTSTRAP_KEY,
      adminKey: ADMIN_KEY,
      close,
    };
  },
});

describe("the way of a picture", () => {
  let server: ServerProcess;
  let close: () => Promise<void>;
  beforeAll(async () => {
    ({ server, close } = await startServer());
  });
  afterAll(() => close());

  async function paint(changes: object = {}): Promise<{ events: ReceivedEvent[]; task: WireTask }> {
    const body = {
      model: "local/canvas",
      prompt: "a lighthouse at dawn",
      size: "320x200",
      provider_options: { steps: 4, step_ms: 110 },
      ...changes,
    };
    const response = await server.postJson("/v1/images/generations/async", body);
    const accepted: WireAccepted = await response.json();
    const events: ReceivedEvent[] = [];
    const source = new EventSourceClient({
      reconnectMs: 1,
      open: (headers, signal) => server.request(accepted.eventsUrl, { headers, signal }),
      onEvent: (event) => events.push(event),
    });
    // The stream ends, the client comes back with the last id, and is told not to come again.
    expect(await source.closed).toBe(204);
    expect(source.connections).toBe(2);
    return { events, task: await (await server.request(accepted.statusUrl)).json() };
  }

  test("leads from the prompt over its progress to a PNG of the size asked for", async () => {
    const { events, task } = await paint();
    const types = events.map(({ type }) => type);
    expect(types[0]).toBe("snapshot");
    expect(types.at(-1)).toBe("completed");
    expect(types).toContain("progress");
    const told = events.slice(1).map(({ data }) => JSON.parse(data) as WireEvent);
    expect(told.every(({ seq }, index) => index === 0 || seq > (told[index - 1]?.seq ?? 0))).toBe(true);
    expect(told.at(-1)?.result).toEqual(task.result);

    const picture = await fetch(task.result?.images?.[0]?.url ?? "");
    expect(picture.headers.get("content-type")).toBe("image/png");
    const { width, height } = readPng(await picture.bytes());
    expect([width, height]).toEqual([320, 200]);
  });

  test("ends in a file that is served whole, in part, and not again to who has it", async () => {
    const { task } = await paint({ provider_options: { steps: 1 } });
    const url = task.result?.images?.[0]?.url ?? "";
    const whole = await fetch(url);
    const etag = whole.headers.get("etag") ?? "";
    const bytes = await whole.bytes();
    expect(Number(whole.headers.get("content-length"))).toBe(bytes.length);

    const part = await fetch(url, { headers: { range: "bytes=100-199", "if-range": etag } });
    expect(part.status).toBe(206);
    expect(part.headers.get("content-range")).toBe(`bytes 100-199/${bytes.length}`);
    expect(await part.bytes()).toEqual(bytes.slice(100, 200));
    const tail = await fetch(url, { headers: { range: "bytes=-12" } });
    expect(await tail.bytes()).toEqual(bytes.slice(-12));
    const beyond = await fetch(url, { headers: { range: `bytes=${bytes.length}-` } });
    expect(beyond.status).toBe(416);
    const unchanged = await fetch(url, { headers: { "if-none-match": etag } });
    expect(unchanged.status).toBe(304);
    expect(await unchanged.text()).toBe("");
  });

  test("gives the same bytes for the same prompt and seed, and others for another seed", async () => {
    const bytesOf = async (seed: number) => {
      const { task } = await paint({ seed, provider_options: { steps: 1 } });
      return Buffer.from(await (await fetch(task.result?.images?.[0]?.url ?? "")).bytes()).toString("base64");
    };
    const first = await bytesOf(7);
    expect(await bytesOf(7)).toBe(first);
    expect(await bytesOf(8)).not.toBe(first);
  });
});
