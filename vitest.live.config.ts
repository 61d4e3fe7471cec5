import { defineConfig } from "vitest/config";

/** Cheap calls to real providers, for those whose key is in the environment: `bun run test:live`. They cost money. */
export default defineConfig({
  test: {
    name: "live",
    pool: "threads",
    include: ["test/live/**/*.test.ts"],
    testTimeout: 300_000,
    // What was skipped and why is the point of a run without keys.
    reporters: ["verbose"],
  },
});
