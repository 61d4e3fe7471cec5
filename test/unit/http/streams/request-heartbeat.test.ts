import { expect, test } from "vitest";
import { createEventEncodings } from "../../../../src/http/streams/event-encodings.ts";
import { EventStream } from "../../../../src/http/streams/event-stream.ts";
import { RequestHeartbeat } from "../../../../src/http/streams/request-heartbeat.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";

const { stream: encoding } = createEventEncodings({ publicUrl: null, tasksMs: 1_000, now: () => 0 });

async function read(stream: EventStream, chunks: number): Promise<string> {
  const reader = stream.body.getReader();
  let text = "";
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    text += new TextDecoder().decode((await reader.read()).value);
  }
  reader.releaseLock();
  return text;
}

test("every stream beats by a timer of its own until it is taken back", async () => {
  const clock = new ManualClock();
  const heartbeat = new RequestHeartbeat(clock, 15_000);
  const streams = [new EventStream(encoding, () => {}), new EventStream(encoding, () => {})];
  for (const stream of streams) heartbeat.add(stream);
  expect(clock.pendingTimers).toBe(2);
  for (const stream of streams) expect(await read(stream, 1)).toBe(":\n\n");
  await clock.advance(15_000);
  for (const stream of streams) expect(await read(stream, 1)).toBe(": keep-alive\n\n");
  await clock.advance(15_000);
  for (const stream of streams) expect(await read(stream, 1)).toBe(": keep-alive\n\n");
  for (const stream of streams) heartbeat.remove(stream);
  expect(clock.pendingTimers).toBe(0);
});

test("a beat that ends its stream leaves no timer behind", async () => {
  const clock = new ManualClock();
  const heartbeat = new RequestHeartbeat(clock, 15_000);
  const stream: EventStream = new EventStream(encoding, () => heartbeat.remove(stream));
  stream.beat = () => stream.abandon();
  heartbeat.add(stream);
  await clock.advance(15_000);
  expect(clock.pendingTimers).toBe(0);
});
