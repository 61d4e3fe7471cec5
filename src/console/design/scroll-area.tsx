/** A part of a page that scrolls by itself. */

import type { ReactNode, RefObject } from "react";

export type ScrollAreaProps = {
  /** Read to those who do not see it. */
  label: string;
  className: string;
  /** To the element that scrolls. */
  frame?: RefObject<HTMLElement | null>;
  onScroll?: () => void;
  children: ReactNode;
};

export function ScrollArea({ label, className, frame, onScroll, children }: ScrollAreaProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard (WCAG 2.1.1), and not every browser makes it so.
    <section className={className} ref={frame} aria-label={label} tabIndex={0} onScroll={onScroll}>
      {children}
    </section>
  );
}
