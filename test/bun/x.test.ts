import { Database } from "bun:sqlite";
import { expect, test } from "vitest";
test("bun", () => { expect(new Database(":memory:").query("select 1 as a").get()).toEqual({ a: 1 }); });
