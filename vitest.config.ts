import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { luaText } from "./test/lua-text.ts";
import { withoutFileSystem } from "./test/no-file-system.ts";

/** One command, two hosts: everything under Bun, and the platform slice again inside workerd. */
export default defineConfig({
  test: {
    reporters: ["default", "./test/summary-reporter.ts"],
    projects: [
      {
        plugins: [luaText()],
        test: {
          name: "bun",
          // The default `forks` pool does not start under Bun.
          pool: "threads",
          include: ["test/{unit,bun,e2e}/**/*.test.ts"],
          // What a suite begins with may be building the Worker, which takes seconds on a machine that is busy.
          hookTimeout: 60_000,
          // Generous: suites of started programs share the machine, and no test's point is how long it takes.
          testTimeout: 20_000,
        },
      },
      {
        plugins: [
          luaText(),
          withoutFileSystem(),
          cloudflareTest({ wrangler: { configPath: "./wrangler.toml" } }),
        ],
        test: { name: "workerd", include: ["test/workerd/**/*.test.ts"] },
      },
    ],
  },
});
