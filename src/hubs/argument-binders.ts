/** What hub methods take as arguments. */

import type { Binder } from "../signalr/hub.ts";

export const textArgument: Binder<string> = {
  parse(value) {
    if (typeof value !== "string") throw new TypeError(`Expected a string, got ${typeof value}.`);
    return value;
  },
};

/** For optional arguments, which clients with types send as null. */
export const optionalTextArgument: Binder<string | null> = {
  parse: (value) => (value === null ? null : textArgument.parse(value)),
};
