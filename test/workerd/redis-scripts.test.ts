/** The scripts of the Redis store reach the Worker as the texts they are. */

import { expect, test } from "vitest";
import { SCRIPTS } from "../../src/stores/redis/scripts.ts";

test("every script is there with its parts, in the order they need each other", () => {
  for (const [name, text] of Object.entries(SCRIPTS)) {
    expect(text, name).toContain("local rcall, P = redis.call, KEYS[1]");
    expect(text, name).toMatch(/tonumber\((?:version|known\[1\])\) > \d+/);
  }
});
