/**
 * `.dev.vars`, from which `wrangler dev` takes the Worker's secrets: the two keys of a local Worker, made once. Other
 * lines are the developer's and stay as they are.
 */

import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { makePlainKey } from "../../../accounts/keys/plain-key.ts";
import { cryptoRandom, type RandomFill, randomToken } from "../../../tasks/ids.ts";
import type { StartKeys } from "../../process/data/keys-file.ts";

const BOOTSTRAP = "CONDUIT_BOOTSTRAP_KEY";
const ADMIN = "CONDUIT_ADMIN_KEY";
const ADMIN_PREFIX = "cadm_";
/** 43 letters and digits are 256 bits. */
const ADMIN_CHARACTERS = 43;
const OWNER_ONLY = 0o600;
const HEADER = "# Secrets of the Worker on this machine, for `bun run dev:worker`; not to be committed.\n";

/** The keys in the file; those it lacks are made and added to it first. */
export function ensureVariablesFile(file: string, random: RandomFill = cryptoRandom): StartKeys {
  const before = read(file);
  const bootstrap = currentValue(before, BOOTSTRAP);
  const admin = currentValue(before, ADMIN);
  const keys = {
    bootstrap: { plain: bootstrap ?? makePlainKey(random), configured: false },
    admin: { plain: admin ?? ADMIN_PREFIX + randomToken(ADMIN_CHARACTERS, random), configured: false },
  };
  const added = [
    ...(bootstrap === null ? [`${BOOTSTRAP}="${keys.bootstrap.plain}"\n`] : []),
    ...(admin === null ? [`${ADMIN}="${keys.admin.plain}"\n`] : []),
  ];
  if (added.length > 0) write(file, [before === "" ? HEADER : closed(before), ...added].join(""));
  return keys;
}

/** What a line of the file gives a variable; null for none, or an empty one. The last line wins. */
function currentValue(text: string, name: string): string | null {
  const lines = text.matchAll(new RegExp(`^[ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=[ \\t]*(.*?)\\s*$`, "gm"));
  const [, value = ""] = [...lines].at(-1) ?? [];
  const plain = /^(["'`])(.*)\1$/.exec(value)?.[2] ?? value.replace(/\s+#.*$/, "");
  return plain === "" ? null : plain;
}

/** Empty when there is no file. What others could read is closed to them. */
function read(file: string): string {
  try {
    const text = readFileSync(file, "utf8");
    chmodSync(file, OWNER_ONLY);
    return text;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

/** Under another name first: a crash leaves the old file or the new one. */
function write(file: string, text: string): void {
  const temporary = `${file}.new`;
  writeFileSync(temporary, text, { mode: OWNER_ONLY });
  renameSync(temporary, file);
}

function closed(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
