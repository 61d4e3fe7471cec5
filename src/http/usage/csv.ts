/** CSV as RFC 4180 writes it, safe to open in a spreadsheet. */

export const CSV_TYPE = "text/csv; charset=utf-8; header=present";

/** What makes a spreadsheet read a cell as a formula, or may once it has trimmed it. */
const FORMULA = /^[=+\-@\t\r\n]/;
const QUOTED = /[",\r\n]/;
const LINE_END = "\r\n";

/** A text that would be read as a formula gets an apostrophe in front; numbers are numbers, and null is an empty cell. */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return cells.map(csvCell).join(",") + LINE_END;
}

function csvCell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
