/** A small table; on a narrow screen it scrolls by itself. Long lists are for `WindowedRows`. */

import type { ReactNode } from "react";

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
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard.
    <section className="table-frame" aria-label={label} tabIndex={0}>
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
    </section>
  );
}
