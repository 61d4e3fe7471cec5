/** A frame as people read it, and search for it. Pure. */

import { shortId } from "../design/format.ts";
import type { TraceFrame } from "./trace-log.ts";

/** Ends each message of the JSON protocol. */
export const MESSAGE_END = "\u001e";
const EXCERPT_CHARACTERS = 200;
const LONG_ID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;

/** Its messages, each as indented JSON where it is some: those of a hub, the data of an event, the body of an answer. */
export function prettyText(text: string): string {
  return text
    .split(MESSAGE_END)
    .filter((message) => message !== "")
    .map((message) => asJson(message) ?? message.split("\n").map(prettyLine).join("\n"))
    .join("\n");
}

/** One line of it, in which long ids are short. */
export function excerptOf(text: string): string {
  return text
    .slice(0, 2 * EXCERPT_CHARACTERS)
    .replaceAll(MESSAGE_END, " ")
    .replace(LONG_ID, shortId)
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, EXCERPT_CHARACTERS);
}

/** Those that contain the text, in any letter case. */
export function framesWith(frames: readonly TraceFrame[], text: string): readonly TraceFrame[] {
  const wanted = text.trim().toLowerCase();
  return wanted === "" ? frames : frames.filter((frame) => frame.text.toLowerCase().includes(wanted));
}

/** To be kept elsewhere: a line for each frame, then the frame. */
export function copyOf(frames: readonly TraceFrame[]): string {
  return frames
    .map(({ at, direction, bytes, text }) => {
      return `${new Date(at).toISOString()} ${direction} ${bytes} B\n${prettyText(text)}`;
    })
    .join("\n\n");
}

/** Of an event stream: `data: {…}`. */
function prettyLine(line: string): string {
  const [, field = "", value = ""] = /^(data: )(.*)$/.exec(line) ?? [];
  const json = field === "" ? asJson(line) : asJson(value);
  return json === null ? line : `${field}${json}`;
}

function asJson(text: string): string | null {
  if (!/^[[{]/.test(text)) return null;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}
