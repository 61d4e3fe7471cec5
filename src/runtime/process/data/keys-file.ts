/**
 * The keys of a first start: made when the configuration gives none, and kept in `keys.json` for the next starts.
 * Keys from the configuration are written nowhere.
 */

import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { isPlainKey, makePlainKey } from "../../../accounts/keys/plain-key.ts";
import { cryptoRandom, type RandomFill, randomToken } from "../../../tasks/ids.ts";

export type StartKey = {
  readonly plain: string;
  /** Whether the operator gave it; then nothing prints it. */
  readonly configured: boolean;
};
export type StartKeys = { readonly bootstrap: StartKey; readonly admin: StartKey };

/** Thrown when `keys.json` is there and cannot be used; the message says what to do. */
export class KeysFileError extends Error {
  override readonly name = "KeysFileError";
}

const ADMIN_PREFIX = "cadm_";
/** 43 letters and digits are 256 bits. */
const ADMIN_CHARACTERS = 43;
const OWNER_ONLY = 0o600;

const CONTENT = z.object({
  bootstrapKey: z.string().refine(isPlainKey).optional(),
  adminKey: z.string().min(1).optional(),
});
type Content = z.infer<typeof CONTENT>;

/**
 * The keys of this start. Those that the configuration leaves open come from the file, or are made and added to it
 * before they are shown. Throws `KeysFileError`.
 */
export function loadKeys(
  file: string,
  configured: { bootstrap: string | null; admin: string | null },
  random: RandomFill = cryptoRandom,
): StartKeys {
  const { bootstrap, admin } = configured;
  if (bootstrap !== null && admin !== null) return { bootstrap: given(bootstrap), admin: given(admin) };
  const found = read(file);
  const before = found ?? {};
  const made = {
    bootstrapKey: before.bootstrapKey ?? makePlainKey(random),
    adminKey: before.adminKey ?? ADMIN_PREFIX + randomToken(ADMIN_CHARACTERS, random),
  };
  const after: Content = {
    ...before,
    ...(bootstrap === null && { bootstrapKey: made.bootstrapKey }),
    ...(admin === null && { adminKey: made.adminKey }),
  };
  const changed = after.bootstrapKey !== before.bootstrapKey || after.adminKey !== before.adminKey;
  // Another instance that shares the folder may have made keys at the same moment: then those count.
  if (changed && !write(file, after, found === null)) return loadKeys(file, configured, random);
  return {
    bootstrap: bootstrap === null ? { plain: made.bootstrapKey, configured: false } : given(bootstrap),
    admin: admin === null ? { plain: made.adminKey, configured: false } : given(admin),
  };
}

function given(plain: string): StartKey {
  return { plain, configured: true };
}

/** Null when there is no file. What others could read is closed to them. */
function read(file: string): Content | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
    chmodSync(file, OWNER_ONLY);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new KeysFileError(`The keys cannot be read from ${file}. Make it readable for this user.`, {
      cause: error,
    });
  }
  try {
    return CONTENT.parse(JSON.parse(text));
  } catch {
    throw new KeysFileError(
      `${file} does not hold keys as this version writes them. ` +
        "Repair it, or move it away to have new keys made; the old ones stop working then.",
    );
  }
}

/**
 * Under another name first: a crash leaves the old file or the new one, never half of it. False when the file was to be
 * new and is there meanwhile.
 */
function write(file: string, content: Content, isNew: boolean): boolean {
  const temporary = `${file}.${crypto.randomUUID()}.new`;
  const descriptor = openSync(temporary, "wx", OWNER_ONLY);
  try {
    writeSync(descriptor, `${JSON.stringify(content, null, 2)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    if (isNew) linkSync(temporary, file);
    else renameSync(temporary, file);
  } catch (error) {
    if (isNew && error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  syncFolder(dirname(file));
  return true;
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
