/** Something that has to be asked for, as state, in a page of Happy DOM. */

import { Window } from "happy-dom";
import { act, createElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, expect, test } from "vitest";
import { type Loaded, useLoaded } from "../../../src/console/data/use-loaded.ts";
import { type ConsoleSession, SessionContext } from "../../../src/console/shell/session.ts";
import { settled } from "../../fixture/manual-clock.ts";

const page = new Window();
Object.assign(globalThis, { window: page, document: page.document, IS_REACT_ACT_ENVIRONMENT: true });

let root: Root | null = null;
afterEach(async () => {
  await act(async () => root?.unmount());
  root = null;
});

type Question = { answer(text: string): void; refuse(error: Error): void; readonly signal: AbortSignal };

/** A component that asks, with its questions in their order. */
async function asking() {
  const questions: Question[] = [];
  const load = (signal: AbortSignal) =>
    new Promise<string>((answer, refuse) => questions.push({ answer, refuse, signal }));
  let last: Loaded<string> | null = null;
  const Shown = () => {
    last = useLoaded(load);
    return null;
  };
  const session = { signOut: () => {} } as unknown as ConsoleSession;
  root = createRoot(page.document.createElement("div") as unknown as Element);
  await act(async () =>
    root?.render(createElement(SessionContext, { value: session }, createElement(Shown))),
  );
  return {
    questions,
    loaded: () => last as unknown as Loaded<string>,
    act: (work: () => void) =>
      act(async () => {
        work();
        await settled();
      }),
  };
}

test("calls of reload that come faster than answers keep none from coming, and are one question behind it", async () => {
  const { questions, loaded, act: doing } = await asking();
  await doing(() => {
    for (let times = 0; times < 3; times += 1) loaded().reload();
  });
  expect(questions).toHaveLength(1);
  await doing(() => questions[0]?.answer("first"));
  expect(loaded().data).toBe("first");
  expect(questions).toHaveLength(2);
  await doing(() => questions[1]?.refuse(new Error("away")));
  expect(loaded()).toMatchObject({ data: "first", error: { message: "away" } });
  expect(questions).toHaveLength(2);
  await doing(() => loaded().reload());
  await doing(() => questions[2]?.answer("third"));
  expect(loaded()).toMatchObject({ data: "third", error: null });
});

test("a component that goes ends its question and asks nothing more", async () => {
  const { questions, loaded } = await asking();
  const { reload } = loaded();
  await act(async () => root?.unmount());
  expect(questions[0]?.signal.aborted).toBe(true);
  reload();
  await settled();
  expect(questions).toHaveLength(1);
});
