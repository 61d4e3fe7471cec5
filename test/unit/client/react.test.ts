/** The hooks in a page of Happy DOM, under Strict Mode, over the mock client. */

import { Window } from "happy-dom";
import { act, createElement, type FunctionComponent, type ReactNode, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, describe, expect, test } from "vitest";
import {
  ConduitProvider,
  type ConduitRealtime,
  useConduitRealtime,
  useRun,
  useTask,
} from "../../../src/client/react/index.ts";
import { RealtimeStore } from "../../../src/client/react/realtime-store.ts";
import { MockConduitClient } from "../../../src/client/testing/index.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";

const IMAGE = { model: "dall-e-3", prompt: "a red boat" };
const page = new Window();
Object.assign(globalThis, { window: page, document: page.document, IS_REACT_ACT_ENVIRONMENT: true });

let root: Root | null = null;
afterEach(async () => {
  await act(async () => root?.unmount());
  root = null;
});

/** Hands what a hook answers to a test. */
const Shown: FunctionComponent<{ use: () => unknown; keep?: (answer: unknown) => void }> = ({
  use,
  keep,
}) => {
  const answer = use();
  keep?.(answer);
  return createElement("p", null, String((answer as Partial<ConduitRealtime>).isConnected));
};

/** Renders what `use` answers, and keeps the last of it. */
async function shown<T>(
  use: () => T,
  within: (child: ReactNode) => ReactNode = (child) => child,
): Promise<{ readonly last: T }> {
  const rendered: T[] = [];
  const keep = (answer: unknown) => void rendered.push(answer as T);
  root = createRoot(page.document.createElement("div") as unknown as Element);
  const shownPage = within(createElement(Shown, { use, keep }));
  await act(async () => root?.render(createElement(StrictMode, null, shownPage)));
  return {
    get last() {
      return rendered.at(-1) as T;
    },
  };
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  await act(async () => {
    for (let turn = 0; turn < 6; turn += 1) {
      await settled();
      await clock.advance(turn === 3 ? ms : 0);
    }
  });
}

describe("useConduitRealtime", () => {
  function mounted() {
    const clock = new ManualClock();
    const made: MockConduitClient[] = [];
    const use = () =>
      useConduitRealtime({
        virtualKey: "condt_a",
        baseUrl: "http://gateway.test",
        autoConnect: true,
        createClient: () => {
          const client = new MockConduitClient({ clock });
          made.push(client);
          return client;
        },
      });
    return { clock, made, use };
  }

  test("connects once mounted, and shows a task from its first progress to its picture", async () => {
    const { clock, made, use } = mounted();
    const hook = await shown<ConduitRealtime>(use);
    await pass(clock, 0);
    expect(hook.last).toMatchObject({ isConnected: true, isConnecting: false, error: null });
    expect(made.filter(({ isConnected }) => isConnected)).toHaveLength(1);
    let id = "";
    await act(async () => {
      const generated = hook.last.generateImage(IMAGE);
      await settled();
      await clock.advance(0);
      id = await generated;
    });
    expect(hook.last.tasks.get(id)).toEqual({ id, progress: 0, status: "pending" });
    const before = hook.last.tasks;
    await pass(clock, 400);
    expect(hook.last.tasks.get(id)).toMatchObject({ progress: 40, status: "pending" });
    expect(before.get(id)).toMatchObject({ progress: 0 });
    await pass(clock, 600);
    expect(hook.last.tasks.get(id)).toMatchObject({
      progress: 100,
      status: "completed",
      result: { taskId: id },
    });
  });

  test("leaves no connection and no timer when it is unmounted", async () => {
    const { clock, made, use } = mounted();
    await shown(use);
    await pass(clock, 0);
    await act(async () => root?.unmount());
    await pass(clock, 0);
    expect(made.some(({ isConnected }) => isConnected)).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  test("is rendered on a server without a client", () => {
    const { made, use } = mounted();
    expect(renderToString(createElement(Shown, { use }))).toBe("<p>false</p>");
    expect(made).toEqual([]);
  });
});

describe("what useConduitRealtime shows", () => {
  test("are all unfinished tasks, and the thousand that ended last", () => {
    const client = new MockConduitClient({ clock: new ManualClock() });
    const store = new RealtimeStore(() => client);
    void store.connect("image").catch(() => {});
    client.emit("progress", { taskId: "unfinished", progress: 5 });
    for (let ended = 0; ended < 1_500; ended += 1)
      client.emit("completed", { taskId: `task-${ended}`, status: "completed" });
    const { tasks } = store.state();
    expect([tasks.size, tasks.has("unfinished"), tasks.has("task-499"), tasks.has("task-500")]).toEqual([
      1_001,
      true,
      false,
      true,
    ]);
    void store.disconnect();
  });
});

describe("with a client for the whole page", () => {
  function provided() {
    const clock = new ManualClock();
    const mock = new MockConduitClient({ clock });
    const within = (child: ReactNode) =>
      createElement(ConduitProvider, { client: mock.rest, children: child });
    return { clock, mock, within };
  }

  test("a task is followed by its id alone", async () => {
    const { clock, mock, within } = provided();
    const accepted = mock.rest.images.generateAsync(IMAGE);
    await pass(clock, 0);
    const { taskId } = await accepted;
    const hook = await shown(() => useTask(taskId), within);
    await pass(clock, 1_000);
    expect(hook.last).toMatchObject({ status: "completed", isOver: true, estimatedSecondsRemaining: null });
    expect(hook.last.result?.images).toHaveLength(1);
  });

  test("a run is started and followed by it, for a film too", async () => {
    const { clock, within } = provided();
    const hook = await shown(() => useRun(), within);
    await act(async () => void hook.last.run({ type: "video", ...IMAGE }));
    await pass(clock, 0);
    await pass(clock, 1_500);
    expect(hook.last).toMatchObject({ status: "completed", isRunning: false });
    expect(hook.last.result?.videos).toHaveLength(1);
  });

  test("a task that a server started is followed with its own access token", async () => {
    const { clock, mock, within } = provided();
    const keys: string[] = [];
    const withKey = mock.rest.withKey.bind(mock.rest);
    mock.rest.withKey = (key) => {
      keys.push(key);
      return withKey(key);
    };
    const hook = await shown(
      () =>
        useRun(async (prompt: string) => ({
          ...(await mock.rest.images.generateAsync({ ...IMAGE, prompt })),
          accessToken: "ek_task",
        })),
      within,
    );
    const { run } = hook.last;
    await act(async () => void run("a fox"));
    await pass(clock, 0);
    await pass(clock, 1_500);
    expect(hook.last).toMatchObject({ status: "completed", isRunning: false });
    expect(keys).toEqual(["ek_task"]);
    // Written in place, and yet the same call.
    expect(hook.last.run).toBe(run);
  });

  test("a hook outside of it says what is missing", async () => {
    const hook = await shown(() => useRun());
    await act(async () => void (await hook.last.run(IMAGE).catch(() => {})));
    expect(hook.last).toMatchObject({ isRunning: false, error: expect.stringContaining("ConduitProvider") });
  });
});

describe("useTask and useRun", () => {
  test("show the run that was begun last, though an earlier one starts later", async () => {
    const clock = new ManualClock();
    const { rest } = new MockConduitClient({ clock });
    const starts: Record<string, PromiseWithResolvers<{ taskId: string }>> = {
      slow: Promise.withResolvers(),
      quick: Promise.withResolvers(),
    };
    const hook = await shown(() =>
      useRun(
        (name: string) => starts[name]?.promise ?? Promise.reject(new Error("unknown")),
        () => rest,
      ),
    );
    await act(async () => {
      void hook.last.run("slow");
      void hook.last.run("quick");
      starts.quick?.resolve({ taskId: "quick" });
      await settled();
      starts.slow?.resolve({ taskId: "slow" });
      await settled();
    });
    expect(hook.last.taskId).toBe("quick");
    await act(async () => root?.unmount());
    await pass(clock, 0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("show a task of a client until its end", async () => {
    const clock = new ManualClock();
    const { rest } = new MockConduitClient({ clock });
    const accepted = rest.images.generateAsync(IMAGE);
    await pass(clock, 0);
    const { taskId } = await accepted;
    const hook = await shown(() => useTask(taskId, rest));
    await pass(clock, 400);
    expect(hook.last).toMatchObject({ status: "running", isOver: false });
    await pass(clock, 600);
    expect(hook.last).toMatchObject({ status: "completed", progress: 100, isOver: true });
  });

  test("start and follow in one, and say why a start was refused", async () => {
    const clock = new ManualClock();
    const mock = new MockConduitClient({ clock });
    const start = (prompt: string) =>
      prompt === ""
        ? Promise.reject(new Error("a prompt is needed"))
        : mock.rest.images.generateAsync({ ...IMAGE, prompt });
    const clientOf = () => mock.rest;
    const hook = await shown(() => useRun(start, clientOf));
    await act(async () => void (await hook.last.run("").catch(() => {})));
    expect(hook.last).toMatchObject({ error: "a prompt is needed", isRunning: false });
    await act(async () => void hook.last.run("a fox"));
    expect(hook.last.isRunning).toBe(true);
    // Effects run when an act is over: the task is followed only then.
    await pass(clock, 0);
    await pass(clock, 500);
    expect(hook.last).toMatchObject({ isRunning: true, error: null, status: "running" });
    await pass(clock, 1_000);
    expect(hook.last).toMatchObject({ isRunning: false, status: "completed" });
  });
});
