/** The id of a request: the caller's own where it is harmless to print, else a new one. */

/** Long enough for trace ids with a vendor prefix; an id is repeated in every log line of its request. */
const MAX_CHARACTERS = 128;
const HARMLESS = new RegExp(`^[A-Za-z0-9._:/+=@~-]{1,${MAX_CHARACTERS}}$`);
/** An id of this shape is a key in the wrong header; it must not reach a log. */
const KEY_PREFIX = /condt_|ek_|sk-|whsec_/;

/** The incoming id when it is 1-128 harmless characters and no key; else one from `makeId`. */
export function chooseRequestId(incoming: string | null, makeId: () => string): string {
  if (incoming === null || !HARMLESS.test(incoming) || KEY_PREFIX.test(incoming)) return makeId();
  return incoming;
}
