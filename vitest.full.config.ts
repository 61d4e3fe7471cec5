import { defineConfig } from "vitest/config";

/** The long forms, which take minutes: `bun run test:full`. What the last run found is kept in test/results/. */
export default defineConfig({
  test: {
    name: "full",
    pool: "threads",
    fileParallelism: false,
    include: ["test/full/**/*.test.ts"],
    reporters: ["default", "./test/summary-reporter.ts"],
  },
});
