import { defineConfig } from "vitest/config";

/** What runs inside Deno, started by `test/e2e/deno.test.ts`. */
export default defineConfig({
  test: { name: "deno", pool: "forks", include: ["test/deno/**/*.test.ts"] },
});
