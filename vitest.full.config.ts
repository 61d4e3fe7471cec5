import { defineConfig } from "vitest/config";
import { luaText } from "./test/lua-text.ts";

/** The long forms, which take minutes: `bun run test:full`. What the last run found is kept in test/results/. */
export default defineConfig({
  plugins: [luaText()],
  test: {
    name: "full",
    pool: "threads",
    fileParallelism: false,
    include: ["test/full/**/*.test.ts"],
    reporters: ["default", "./test/summary-reporter.ts"],
  },
});
