/** A frame in the trace: a line that opens. */

import { memo, useState } from "react";
import { sizeText } from "../design/format.ts";
import { Icon } from "../design/icon.tsx";
import { excerptOf, prettyText } from "./frame-text.ts";
import type { FrameDirection, TraceFrame } from "./trace-log.ts";

const SIGNS: Readonly<Record<FrameDirection, string>> = { in: "in ←", out: "out →", note: "note" };
const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

export type FrameRowProps = {
  frame: TraceFrame;
  /** Whether frames are shown whole unless one is closed. */
  isWhole: boolean;
  onCopy(frame: TraceFrame): void;
};

/** Rendered again only when it is shown otherwise: frames come often, and to the end of many. */
export const FrameRow = memo(function FrameRow({ frame, isWhole, onCopy }: FrameRowProps) {
  const { at, direction, bytes, text } = frame;
  const [isTurned, setTurned] = useState(false);
  const isOpen = isWhole !== isTurned;
  return (
    <li className={`frame-row ${direction}`}>
      <button type="button" aria-expanded={isOpen} onClick={() => setTurned(!isTurned)}>
        <time dateTime={new Date(at).toISOString()}>{CLOCK.format(at)}</time>
        <span className="direction">{SIGNS[direction]}</span>
        <span className="size">{direction === "note" ? "" : sizeText(bytes)}</span>
        <span className="clip excerpt">{excerptOf(text)}</span>
      </button>
      {isOpen && (
        <div className="frame-text">
          <pre>{prettyText(text)}</pre>
          <button className="button quiet small" type="button" onClick={() => onCopy(frame)}>
            <Icon name="copy" />
            <span className="hidden-text">Copy this frame</span>
          </button>
        </div>
      )}
    </li>
  );
});
