/** What hub methods take as arguments. */

import type { Binder } from "../signalr/hub.ts";

export const textArgument: Binder<string> = {
  parse(value) {
    if (typeof value !== "string") throw new TypeError(`Expected a string, got ${typeof value}.`);
    return value;
  },
};

/** The id of a task or batch, in lower case: Swift and C# print UUIDs in capitals. What is no id is found by nobody. */
export const taskIdArgument: Binder<string> = {
  parse: (value) => textArgument.parse(value).toLowerCase(),
};

/** For optional arguments, which clients with types send as null. */
export const optionalTextArgument: Binder<string | null> = {
  parse: (value) => (value === null ? null : textArgument.parse(value)),
};
