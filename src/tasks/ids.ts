/** Task ids (UUIDv7, RFC 9562 §5.7) and unguessable tokens, from injectable randomness. */

/** Fills the array with random bytes, like `crypto.getRandomValues`. */
export type RandomFill = (bytes: Uint8Array<ArrayBuffer>) => void;

export const cryptoRandom: RandomFill = (bytes) => {
  crypto.getRandomValues(bytes);
};

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const TASK_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** Random bytes are drawn in blocks: one call of the system's generator per id costs more than the id. */
const POOL_BYTES = 1024;
const ID_BYTES = 10;

/** Whether `text` is spelled like a task id. */
export function isTaskId(text: string): boolean {
  return TASK_ID.test(text);
}

/** The moment a task id was made, milliseconds since the epoch. */
export function taskIdTime(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** Makes task ids that rise with time. */
export function createTaskIds(now: () => number, random: RandomFill = cryptoRandom): () => string {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return () => {
    if (used + ID_BYTES > POOL_BYTES) {
      random(pool);
      used = 0;
    }
    const time = now().toString(16).padStart(12, "0");
    const hex = (index: number) => HEX[pool[used + index] ?? 0] ?? "00";
    const version = HEX[0x70 | ((pool[used] ?? 0) & 0x0f)];
    const variant = HEX[0x80 | ((pool[used + 2] ?? 0) & 0x3f)];
    const id = `${time.slice(0, 8)}-${time.slice(8)}-${version}${hex(1)}-${variant}${hex(3)}-${hex(4)}${hex(5)}${hex(6)}${hex(7)}${hex(8)}${hex(9)}`;
    used += ID_BYTES;
    return id;
  };
}

const ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** Bytes from here up are drawn again: 248 is the largest multiple of 62 in a byte, so every letter is equally likely. */
const REJECT_FROM = 248;

/** `length` random letters and digits, about 5.95 bits each. */
export function randomToken(length: number, random: RandomFill = cryptoRandom): string {
  let token = "";
  const bytes = new Uint8Array(length * 2);
  while (token.length < length) {
    random(bytes);
    for (const byte of bytes) {
      if (byte < REJECT_FROM && token.length < length) token += ALPHANUMERIC[byte % ALPHANUMERIC.length];
    }
  }
  return token;
}
