/** The scripts of the Redis store reach the Worker as the texts they are. */

import { expect, test } from "vitest";
import { SCRIPT_NAMES, Scripts } from "../../src/stores/redis/scripts.ts";
import { TaskFields } from "../../src/stores/redis/tasks/fields.ts";
import { DATA_RELEASE } from "../../src/stores/release.ts";
import { TASK_FIELDS } from "../../src/stores/task-fields.ts";

test("every script is there with its parts, in the order they need each other", () => {
  const scripts = new Scripts(new TaskFields(TASK_FIELDS), DATA_RELEASE);
  for (const name of SCRIPT_NAMES) {
    const text = scripts.text(name);
    expect(text, name).toContain("local rcall, P = redis.call, KEYS[1]");
    expect(text, name).toMatch(/KEYS\[2\] \.\. 'reader'|B \.\. 'reader'/);
  }
});
