import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ByteStream } from "../../../../src/http/response/byte-stream.ts";
import { settled } from "../../../fixture/manual-clock.ts";

const OPENING = new Uint8Array([1]);
const LAST = new Uint8Array([2]);
/** Longer than the end may be kept back. */
const LONG_MS = 1_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An open stream whose opening has been read. */
async function openStream() {
  const stream = new ByteStream({ opening: OPENING, onEnded: () => {} });
  const reader = stream.body.getReader();
  await reader.read();
  return { stream, reader };
}

test("the end comes in a later turn than the last bytes, so that no reader meets both in one segment", async () => {
  const { stream, reader } = await openStream();
  const last = reader.read();
  stream.send(LAST);
  stream.finish();
  expect((await last).value).toEqual(LAST);
  let ended = false;
  const end = reader.read().then(({ done }) => {
    ended = done;
  });
  await settled();
  expect(ended).toBe(false);
  vi.advanceTimersByTime(LONG_MS);
  await end;
  expect(ended).toBe(true);
});

test("the end waits for a host that takes its time over the last bytes", async () => {
  const { stream, reader } = await openStream();
  stream.send(LAST);
  stream.finish();
  vi.advanceTimersByTime(LONG_MS);
  expect((await reader.read()).value).toEqual(LAST);
  let ended = false;
  const end = reader.read().then(({ done }) => {
    ended = done;
  });
  await settled();
  expect(ended).toBe(false);
  vi.advanceTimersByTime(LONG_MS);
  await end;
});

test("a reader that leaves before the end is no error", async () => {
  const { stream, reader } = await openStream();
  stream.finish();
  await reader.cancel();
  vi.advanceTimersByTime(LONG_MS);
  expect((await reader.read()).done).toBe(true);
});
