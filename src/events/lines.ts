/** Domain events as they are sent: one JSON object a line, with moments as ISO 8601 texts. */

import type { DomainEvent } from "../protocol/domain-event.ts";

/** Members of `data` that are moments. */
const MOMENTS = ["createdAt", "startedAt"] as const;

/** The line of a stored event, with its line feed; null when it cannot be read. */
export function lineOf(row: string): string | null {
  let event: DomainEvent;
  try {
    event = JSON.parse(row) as DomainEvent;
    const { id, type, at, keyId, customer } = event;
    const data: Record<string, unknown> = { ...event.data };
    for (const name of MOMENTS) if (typeof data[name] === "number") data[name] = isoTime(data[name]);
    return `${JSON.stringify({ id, type, at: isoTime(at), keyId, customer, data })}\n`;
  } catch {
    return null;
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
