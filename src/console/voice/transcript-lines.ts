/** What both sides said, in the order of the conversation. Pure. */

import type { RealtimeEvent, Transcript } from "../../client/voice/index.ts";

export type TranscriptLine = {
  readonly itemId: string;
  readonly role: Transcript["role"];
  /** All of it so far. */
  readonly text: string;
  readonly isFinal: boolean;
  /** How much of an answer was heard when it was cut off, ms; null: it was not. */
  readonly heardMs: number | null;
};

/** Older ones are let go. */
export const MOST_LINES = 200;

/** With a place for an item that begins: what the user said is written down later than the answer to it begins. */
export function withItem(lines: readonly TranscriptLine[], event: RealtimeEvent): readonly TranscriptLine[] {
  if (event.type !== "conversation.item.added" && event.type !== "conversation.item.created") return lines;
  const { id, role, type } = (event.item ?? {}) as { [field: string]: unknown };
  if (type !== "message" || typeof id !== "string" || (role !== "user" && role !== "assistant")) return lines;
  if (lines.some(({ itemId }) => itemId === id)) return lines;
  return bounded([...lines, { itemId: id, role, text: "", isFinal: false, heardMs: null }]);
}

export function withTranscript(
  lines: readonly TranscriptLine[],
  { itemId, role, text, isFinal }: Transcript,
): readonly TranscriptLine[] {
  const before = lines.find((line) => line.itemId === itemId);
  const line = { itemId, role, text, isFinal, heardMs: before?.heardMs ?? null };
  if (before === undefined) return bounded([...lines, line]);
  return lines.map((one) => (one === before ? line : one));
}

export function withCut(
  lines: readonly TranscriptLine[],
  { itemId, heardMs }: { itemId: string; heardMs: number },
): readonly TranscriptLine[] {
  return lines.map((line) => (line.itemId === itemId ? { ...line, heardMs } : line));
}

function bounded(lines: readonly TranscriptLine[]): readonly TranscriptLine[] {
  return lines.slice(-MOST_LINES);
}
