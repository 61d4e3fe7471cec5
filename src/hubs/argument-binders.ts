/** What hub methods take as arguments. */

import type { Binder } from "../signalr/hub.ts";

export const text: Binder<string> = {
  parse(value) {
    if (typeof value !== "string") throw new TypeError(`Expected a string, got ${typeof value}.`);
    return value;
  },
};

/** For optional arguments, which clients with types send as null. */
export const textOrNull: Binder<string | null> = {
  parse: (value) => (value === null ? null : text.parse(value)),
};
