import { expect, test } from "vitest";
import { createEventEncodings } from "../../../../src/http/streams/event-encodings.ts";
import { EventStream, StreamHeartbeat } from "../../../../src/http/streams/event-stream.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";

const { stream: ENCODING } = createEventEncodings({ publicUrl: null, tasksMs: 0, now: () => 0 });
const CHUNK = new Uint8Array(10_000).fill(120);

function openStream() {
  const ends: number[] = [];
  const stream = new EventStream(ENCODING, () => ends.push(ends.length));
  return { stream, ends, reader: stream.body.getReader() };
}

async function readAll(reader: { read(): Promise<{ done: boolean; value?: Uint8Array | undefined }> }) {
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes;
    bytes += value?.byteLength ?? 0;
  }
}

test("a stream hands over what is asked for, counts what is not, and loses nothing", async () => {
  const { stream, ends, reader } = openStream();
  for (let i = 0; i < 20; i += 1) stream.send(CHUNK);
  expect(stream.bufferedBytes()).toBe(20 * CHUNK.byteLength + 3);
  await reader.read();
  await reader.read();
  await settled();
  expect(stream.bufferedBytes()).toBe(19 * CHUNK.byteLength);
  stream.close(1000);
  expect(ends).toEqual([0]);
  stream.send(CHUNK);
  expect(await readAll(reader)).toBe(19 * CHUNK.byteLength);
});

test("a stream closed as too slow keeps nothing for a client that does not read", async () => {
  const { stream, ends, reader } = openStream();
  for (let i = 0; i < 20; i += 1) stream.send(CHUNK);
  stream.close(1013);
  expect(ends).toEqual([0]);
  expect(await readAll(reader)).toBeLessThan(3 * CHUNK.byteLength);
});

test("a stream whose client leaves has ended, once, and swallows what still comes", async () => {
  const { stream, ends, reader } = openStream();
  await reader.cancel();
  expect(ends).toEqual([0]);
  stream.send(CHUNK);
  stream.close(1000);
  stream.abandon();
  expect([ends, stream.bufferedBytes()]).toEqual([[0], 0]);
});

test("a heartbeat reaches silent streams only, by one timer for all", async () => {
  const clock = new ManualClock();
  const heartbeat = new StreamHeartbeat(clock, 15_000);
  const [silent, busy] = [openStream(), openStream()];
  for (const { stream } of [silent, busy]) heartbeat.add(stream);
  await silent.reader.read();
  busy.stream.send(CHUNK);
  const before = busy.stream.bufferedBytes();
  expect(clock.pendingTimers).toBe(1);
  await clock.advance(15_000);
  expect(new TextDecoder().decode((await silent.reader.read()).value)).toBe(": keep-alive\n\n");
  expect(busy.stream.bufferedBytes()).toBe(before);
  for (const { stream } of [silent, busy]) heartbeat.remove(stream);
  expect(clock.pendingTimers).toBe(0);
});
