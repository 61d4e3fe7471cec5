/** A small table; on a narrow screen it scrolls by itself. Long lists are for `WindowedTable`. */

import type { ReactNode } from "react";
import { ScrollArea } from "./scroll-area.tsx";

export type Column<Row> = {
  title: string;
  /** Its cells are one line each, such as moments and ids. */
  unbroken?: boolean;
  cell: (row: Row) => ReactNode;
};

export type TableProps<Row> = {
  /** Read to those who do not see it. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
};

export function Table<Row>({ label, columns, rows, keyOf }: TableProps<Row>) {
  return (
    <ScrollArea className="table-frame" label={label}>
      <table className="table">
        <thead>
          <tr>
            {columns.map(({ title }) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, unbroken, cell }) => (
                <td key={title} className={unbroken ? "unbroken" : undefined}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}
