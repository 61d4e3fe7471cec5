/** Task ids (UUIDv7, RFC 9562 §5.7) and unguessable tokens, from injectable randomness. */

/** Fills the array with random bytes, like `crypto.getRandomValues`. */
export type RandomFill = (bytes: Uint8Array<ArrayBuffer>) => void;

/** A call of the system's generator costs more than a token of its bytes, so they are drawn in blocks. */
const drawn = new Uint8Array(4_096);
/** How many at its beginning nobody has had yet. */
let undrawn = 0;

export const cryptoRandom: RandomFill = (bytes) => {
  const { length } = bytes;
  if (length > drawn.length) {
    crypto.getRandomValues(bytes);
    return;
  }
  if (length > undrawn) {
    crypto.getRandomValues(drawn);
    undrawn = drawn.length;
  }
  const end = undrawn;
  undrawn -= length;
  bytes.set(drawn.subarray(undrawn, end));
  // What was handed out is somebody's secret.
  drawn.fill(0, undrawn, end);
};

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const TASK_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** Any source of random bytes may be as slow as the system's. */
const POOL_BYTES = 1024;
const ID_BYTES = 10;
const COUNTER_END = 0x1000;

/** Whether `text` is spelled like a task id. */
export function isTaskId(text: string): boolean {
  return TASK_ID.test(text);
}

/** The moment a task id was made, milliseconds since the epoch. */
export function taskIdTime(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/**
 * Makes task ids that rise strictly, so that a list by id is a list by age: within one millisecond, and when the clock
 * steps back, the 12 bits behind the time count on (RFC 9562 §6.2, method 1); when they run out the time runs ahead.
 */
export function createTaskIds(now: () => number, random: RandomFill = cryptoRandom): () => string {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  let lastMs = 0;
  let counter = 0;
  return () => {
    if (used + ID_BYTES > POOL_BYTES) {
      random(pool);
      used = 0;
    }
    const byte = (index: number) => pool[used + index] ?? 0;
    const hex = (index: number) => HEX[byte(index)];
    const nowMs = now();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      // Half of the range is left to count in.
      counter = ((byte(0) << 8) | byte(1)) & (COUNTER_END / 2 - 1);
    } else {
      counter += 1;
      if (counter === COUNTER_END) {
        lastMs += 1;
        counter = 0;
      }
    }
    const time = lastMs.toString(16).padStart(12, "0");
    const count = counter.toString(16).padStart(3, "0");
    const variant = HEX[0x80 | (byte(2) & 0x3f)];
    const id = `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${variant}${hex(3)}-${hex(4)}${hex(5)}${hex(6)}${hex(7)}${hex(8)}${hex(9)}`;
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
