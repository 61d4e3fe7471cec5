/** What every text on a hub connection is, whether handshake or message: one JSON object. */

import { ProtocolError } from "./hub-protocol.ts";

/** Throws `ProtocolError` for anything but an object. */
export function parseJsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProtocolError("Error reading JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ProtocolError("Expected a JSON object.");
  return value as Record<string, unknown>;
}
