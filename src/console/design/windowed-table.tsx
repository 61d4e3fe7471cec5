/** A table of any length, of which only the rows in sight are in the document. All rows are equally high. */

import { type ReactNode, useEffect, useRef, useState } from "react";
import { ScrollArea } from "./scroll-area.tsx";

export type WindowedTableProps = {
  /** Read to those who do not see it. */
  label: string;
  className: string;
  /** The cells of the head, as `<th>`. */
  head: ReactNode;
  columns: number;
  rows: number;
  /** Pixels. */
  rowHeight: number;
  /** The cells of a row, as `<td>`. */
  children: (index: number) => { key: string; cells: ReactNode; className?: string };
  /** Called when the last rows come into sight. */
  onEnd(): void;
};

/** Rows beyond those in sight, above and below. */
const MARGIN_ROWS = 8;
/** The end is near with so many rows left. */
const NEAR_END_ROWS = 30;

export function WindowedTable(props: WindowedTableProps) {
  const { label, className, head, columns, rows, rowHeight, children, onEnd } = props;
  const frame = useRef<HTMLElement>(null);
  const [window, setWindow] = useState({ first: 0, count: 0 });

  useEffect(() => {
    const shown = frame.current;
    if (shown === null) return;
    const look = () => {
      // In steps of a few rows: what moves less than that needs no other rows.
      const step = MARGIN_ROWS / 2;
      const first = Math.floor(shown.scrollTop / rowHeight / step) * step;
      const count = Math.ceil(shown.clientHeight / rowHeight) + step;
      setWindow((before) => (before.first === first && before.count === count ? before : { first, count }));
    };
    look();
    shown.addEventListener("scroll", look, { passive: true });
    const resized = new ResizeObserver(look);
    resized.observe(shown);
    return () => {
      shown.removeEventListener("scroll", look);
      resized.disconnect();
    };
  }, [rowHeight]);

  const from = Math.max(0, Math.min(window.first, rows) - MARGIN_ROWS);
  const to = Math.min(rows, window.first + window.count + MARGIN_ROWS);
  const nearEnd = to + NEAR_END_ROWS >= rows;
  useEffect(() => {
    if (nearEnd && rows > 0) onEnd();
  }, [nearEnd, rows, onEnd]);

  const shown = Array.from({ length: Math.max(0, to - from) }, (_, offset) => from + offset);
  return (
    <ScrollArea className={`windowed ${className}`} frame={frame} label={label}>
      <table aria-rowcount={rows + 1}>
        <thead>
          <tr aria-rowindex={1}>{head}</tr>
        </thead>
        <tbody>
          <Space height={from * rowHeight} columns={columns} />
          {shown.map((index) => {
            const { key, cells, className: rowClass } = children(index);
            return (
              <tr key={key} className={rowClass} style={{ height: rowHeight }} aria-rowindex={index + 2}>
                {cells}
              </tr>
            );
          })}
          <Space height={(rows - Math.max(from, to)) * rowHeight} columns={columns} />
        </tbody>
      </table>
    </ScrollArea>
  );
}

/** Takes the place of rows that are out of sight. */
function Space({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    <tr>
      <td colSpan={columns} style={{ height, padding: 0, border: 0 }} />
    </tr>
  );
}
