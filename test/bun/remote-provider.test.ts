/** The provider that tests of other processes steer: what it is told is what its host sees. */

import { afterAll, beforeAll, expect, test } from "vitest";
import type { MediaJob } from "../../src/tasks/ports/media-provider.ts";
import { ProviderControl } from "../fixture/provider-control.ts";
import { RecordingIo } from "../fixture/recording-io.ts";
import { RemoteProvider } from "../fixture/remote-provider.ts";
import { pictures } from "../fixture/scripted-provider.ts";

const JOB = { taskId: "task-1", type: "image", model: "canvas", attempt: 1 } as MediaJob;
let control: ProviderControl;
let provider: RemoteProvider;
beforeAll(() => {
  control = new ProviderControl();
  provider = new RemoteProvider(control.url);
});
afterAll(() => control.stop());

test("a call does what it is told, in order, and reports what came of it", async () => {
  const io = new RecordingIo();
  const outcome = provider.submit(JOB, io);
  const call = await control.callOf("task-1");
  expect(call).toMatchObject({ kind: "submit", job: JOB, state: null, open: true });
  await call.progress(40, "painting");
  await call.save({ upstream: "job-7" });
  const ref = await call.store(new Uint8Array([1, 2, 255]), "image/png");
  expect(ref).toMatchObject({ contentType: "image/png", bytes: 3 });
  await call.answer(pictures(2));
  expect(io.reports).toEqual([{ percent: 40, message: "painting" }]);
  expect(io.saved).toEqual([{ upstream: "job-7" }]);
  expect([...(io.files.get(ref.path) ?? [])]).toEqual([1, 2, 255]);
  expect(await outcome).toEqual(pictures(2));
  expect(await call.ended).toBe("answered");
  await expect(call.progress(50)).rejects.toThrow(/is over/);
});

test("a call that explodes is a throw, and a poll brings the state that was saved", async () => {
  const outcome = provider.poll({ ...JOB, taskId: "task-2" }, { upstream: "job-7" }, new RecordingIo());
  const call = await control.callOf("task-2");
  expect(call).toMatchObject({ kind: "poll", state: { upstream: "job-7" } });
  await call.explode("boom");
  await expect(outcome).rejects.toThrow("boom");
});

test("a host that leaves its call is noticed, and the next call for the task is another", async () => {
  const io = new RecordingIo();
  const left = provider.submit({ ...JOB, taskId: "task-3" }, io);
  const call = await control.callOf("task-3");
  io.abort();
  await expect(left).rejects.toThrow();
  expect(await call.ended).toBe("left");
  const again = provider.submit({ ...JOB, taskId: "task-3" }, new RecordingIo());
  const next = await control.callOf("task-3");
  expect(next).not.toBe(call);
  await next.answer(pictures());
  await again;
});

test("cancels are heard and answered, and every call may be answered at once", async () => {
  const { signal } = new AbortController();
  expect(await provider.cancel(JOB, { upstream: "job-7" }, signal)).toEqual(control.cancelResult);
  expect(control.cancels).toEqual([{ job: JOB, state: { upstream: "job-7" } }]);
  control.always = () => pictures();
  expect(await provider.submit({ ...JOB, taskId: "task-4" }, new RecordingIo())).toEqual(pictures());
});
