/**
 * Brings data into the shape of this release, at the first call that finds it in another one. Data of the first release is
 * converted in bounded steps: first its number is raised, so that no process of that release writes any more; then each step
 * converts some of the old keys and removes them. What is left of them is all that says how far it got, so it goes on wherever
 * it was ended, and several processes may do it at once; calls wait until it is through.
 */

import { candidateOf } from "../../../tasks/task.ts";
import { queueStateOf, wakeAt } from "../../../tasks/transition.ts";
import { rankOf } from "../../fair-queue.ts";
import { DATA_RELEASE, newerRelease } from "../../release.ts";

import type { Reply } from "../server/replies.ts";
import { listReply, numberOf, numberOrNull, textOf } from "../server/replies.ts";
import type { ScriptRunner } from "../server/script-runner.ts";
import type { TaskFields } from "../tasks/fields.ts";
import {
  type FirstWork,
  firstDelivery,
  readFirstCleanup,
  readFirstTask,
  writtenFields,
} from "./release-1-tasks.ts";

/** About how many names one step looks at. A task may have 256 kB, everything else is small. */
const TASKS_PER_STEP = 50;
const NAMES_PER_STEP = 500;
const FIRST_CURSOR = "0";

/** Resolves once calls may be made. Rejects with `newer_schema` when the data needs a later release. */
export async function prepare(scripts: ScriptRunner, fields: TaskFields): Promise<void> {
  const [state, release] = listReply(await scripts.run("prepare", "look"));
  if (state === "newer") throw newerRelease(numberOf(release), DATA_RELEASE);
  if (state !== "convert") return;
  await untilNothingIsLeft((cursor) => scripts.run("convertTenants", cursor, String(NAMES_PER_STEP)));
  await untilNothingIsLeft((cursor) => convertTasks(scripts, fields, cursor));
  await untilNothingIsLeft((cursor) => scripts.run("convertRest", cursor, String(NAMES_PER_STEP)));
  await scripts.run("prepare", "done");
}

/** Goes through the names until a whole pass found none to convert. A step answers where to go on and how many it found. */
async function untilNothingIsLeft(step: (cursor: string) => Promise<Reply>): Promise<void> {
  let found: number;
  do {
    found = 0;
    let cursor = FIRST_CURSOR;
    do {
      const [next, converted] = listReply(await step(cursor));
      cursor = textOf(next);
      found += numberOf(converted);
    } while (cursor !== FIRST_CURSOR);
  } while (found > 0);
}

async function convertTasks(scripts: ScriptRunner, fields: TaskFields, cursor: string): Promise<Reply> {
  const [next, replies, now] = listReply(await scripts.run("listFirstTasks", cursor, String(TASKS_PER_STEP)));
  const tasks = listReply(replies);
  const calls = tasks.map((reply) => convertTask(fields, listReply(reply), numberOf(now)));
  if (calls.length > 0)
    await scripts.run(
      "writeFirstTasks",
      String(calls.length),
      ...calls.flatMap((call) => [String(call.length), ...call]),
    );
  return [next ?? FIRST_CURSOR, tasks.length];
}

/** In the order of the head of scripts/release-1/write-first-tasks.lua; the id alone when it cannot be read. */
function convertTask(fields: TaskFields, reply: readonly Reply[], now: number): string[] {
  const [id, hash, cleanupHash, cleanupDue, delivers] = reply;
  try {
    const first = readFirstTask(textOf(id), mapOf(hash));
    const cleanup = readFirstCleanup(first.task, mapOf(cleanupHash), numberOrNull(cleanupDue));
    const delivery = delivers === 1 ? firstDelivery(first.task, now) : null;
    const works = [cleanup, delivery].filter((work) => work !== null);
    const task = { ...first.task, openCleanups: cleanup === null ? 0 : 1 };
    const written = writtenFields(fields, first, task);
    const over = task.finishedAt !== null && task.settled;
    return [
      task.id,
      task.tenant.keyId,
      task.tenant.subject,
      task.type,
      task.status,
      queueStateOf(task),
      candidateOf(task).provider,
      String(rankOf(task)),
      first.no,
      String(task.dueAt ?? ""),
      String(wakeAt(task) ?? ""),
      task.batchId ?? "",
      over ? (first.besides.trimmed ? "trimmed" : "ended") : "",
      String(task.finishedAt ?? ""),
      String(task.settled ? 0 : task.reservedMicros),
      String(task.createdAt),
      String(written.length / 2),
      String(works.length),
      ...written,
      ...works.flatMap(workArguments),
    ];
  } catch {
    return [textOf(id)];
  }
}

function workArguments({ draft, createdAt, giveUpAt, tries, fence, dueAt, held }: FirstWork): string[] {
  return [
    draft.kind,
    draft.id,
    draft.destination,
    JSON.stringify(draft.payload),
    ...[createdAt, giveUpAt, tries, fence, dueAt].map(String),
    held ? "1" : "0",
  ];
}

function mapOf(reply: Reply | undefined): Map<string, string> {
  const texts = listReply(reply).map(textOf);
  const map = new Map<string, string>();
  for (let index = 0; index < texts.length; index += 2)
    map.set(texts[index] as string, texts[index + 1] as string);
  return map;
}
