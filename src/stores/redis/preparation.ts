/** Brings data into the shape of this release, at the first call that finds it in another one. */

import type { TaskFields } from "./fields.ts";
import { newerSchema } from "./errors.ts";
import { listOf, textOf } from "./replies.ts";
import type { ScriptRunner } from "./script-runner.ts";

/** Resolves once calls may be made. Rejects with `newer_schema` when the data needs a later release. */
export async function prepare(scripts: ScriptRunner, _fields: TaskFields): Promise<void> {
  const [state, release] = listOf(await scripts.run("prepare", "look"));
  if (state === "newer") throw newerSchema(textOf(release));
  if (state === "convert") await scripts.run("prepare", "done");
}
