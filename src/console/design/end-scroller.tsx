/** A list that grows at its end and scrolls by itself. Who has scrolled up to read stays there. */

import { type ReactNode, useEffect, useRef } from "react";
import { ScrollArea } from "./scroll-area.tsx";

export type EndScrollerProps = {
  /** Read to those who do not see it. */
  label: string;
  className: string;
  children: ReactNode;
};

/** So near to the end counts as being there, pixels. */
const NEAR_END = 24;

export function EndScroller({ label, className, children }: EndScrollerProps) {
  const frame = useRef<HTMLElement>(null);
  const atEnd = useRef(true);
  // After each render, as what grew is told by none of the values here.
  useEffect(() => {
    const shown = frame.current;
    if (shown !== null && atEnd.current) shown.scrollTop = shown.scrollHeight;
  });
  const look = () => {
    const shown = frame.current;
    if (shown !== null) atEnd.current = shown.scrollHeight - shown.scrollTop - shown.clientHeight < NEAR_END;
  };
  return (
    <ScrollArea className={className} frame={frame} label={label} onScroll={look}>
      {children}
    </ScrollArea>
  );
}
