/** Reading replies: the shapes the scripts answer in, checked where a wrong one would go unnoticed. */

/** A reply as both transports hand it on. */
export type Reply = string | number | null | readonly Reply[];

export function listReply(reply: Reply | undefined): readonly Reply[] {
  if (Array.isArray(reply)) return reply;
  throw new Error(`A script answered ${JSON.stringify(reply)} where a list was expected`);
}

/** A text; numbers become their digits. */
export function textOf(reply: Reply | undefined): string {
  if (typeof reply === "string") return reply;
  if (typeof reply === "number") return String(reply);
  throw new Error(`A script answered ${JSON.stringify(reply)} where a text was expected`);
}

/** A number, whether it came as one or as its digits. */
export function numberOf(reply: Reply | undefined): number {
  const value = Number(textOf(reply));
  if (Number.isNaN(value))
    throw new Error(`A script answered ${JSON.stringify(reply)} where a number was expected`);
  return value;
}

/** A number, or null for an empty text. */
export function numberOrNull(reply: Reply | undefined): number | null {
  return reply === "" ? null : numberOf(reply);
}

/** What can be read of many; the rest is left out. */
export function readable<T>(replies: readonly Reply[], read: (reply: Reply) => T): T[] {
  return replies.flatMap((reply) => {
    try {
      return [read(reply)];
    } catch {
      return [];
    }
  });
}
