import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isPlainKey } from "../../../../../src/accounts/keys/plain-key.ts";
import { ensureVariablesFile } from "../../../../../src/runtime/cloudflare/dev/variables-file.ts";

const BOOTSTRAP = `condt_${"b".repeat(43)}`;
let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "conduit-test-"));
  file = join(folder, ".dev.vars");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a first start makes both keys, in a file that is its owner's alone; the next one reads them", () => {
  const keys = ensureVariablesFile(file);
  expect(isPlainKey(keys.bootstrap.plain)).toBe(true);
  expect(keys.admin.plain).toMatch(/^cadm_[A-Za-z0-9]{43}$/);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const text = readFileSync(file, "utf8");
  expect(text).toContain(`CONDUIT_BOOTSTRAP_KEY="${keys.bootstrap.plain}"\n`);
  expect(ensureVariablesFile(file)).toEqual(keys);
  expect(readFileSync(file, "utf8")).toBe(text);
});

test("what a developer wrote stays, and only what is missing is added", () => {
  const own = `UPSTASH_REDIS_REST_URL=http://localhost:8079\nCONDUIT_BOOTSTRAP_KEY = '${BOOTSTRAP}' \nCONDUIT_ADMIN_KEY=`;
  writeFileSync(file, own);
  chmodSync(file, 0o644);
  const keys = ensureVariablesFile(file);
  expect(keys.bootstrap.plain).toBe(BOOTSTRAP);
  expect(readFileSync(file, "utf8")).toBe(`${own}\nCONDUIT_ADMIN_KEY="${keys.admin.plain}"\n`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(ensureVariablesFile(file)).toEqual(keys);
});

test.each([
  [`CONDUIT_BOOTSTRAP_KEY=${BOOTSTRAP}`],
  [`CONDUIT_BOOTSTRAP_KEY="${BOOTSTRAP}"`],
  [`export CONDUIT_BOOTSTRAP_KEY=${BOOTSTRAP} # mine`],
  [`CONDUIT_BOOTSTRAP_KEY=condt_old\r\nCONDUIT_BOOTSTRAP_KEY=${BOOTSTRAP}\r\n`],
])("a key is read however dotenv files write it: case %#", (text) => {
  writeFileSync(file, text);
  expect(ensureVariablesFile(file).bootstrap.plain).toBe(BOOTSTRAP);
});

test("a line that is commented out gives no key", () => {
  writeFileSync(file, `# CONDUIT_BOOTSTRAP_KEY=${BOOTSTRAP}\n`);
  expect(ensureVariablesFile(file).bootstrap.plain).not.toBe(BOOTSTRAP);
});
