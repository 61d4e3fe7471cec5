/**
 * Tells whose files are due. Two cursors go along the finished tasks, the index of which there is anyway: one is behind the
 * end by the time that files are kept, one by the time that files without a task's mention are.
 */

import type { DueMedia, MediaRetention } from "../../tasks/ports/task-store.ts";
import type { SqlRow } from "../sql.ts";
import type { Transaction } from "./transaction.ts";

type CursorName = "expired" | "untidy";
/** A task by its end; of those that ended at once, by number. */
type Place = { at: number; no: number };

const CURSORS: readonly CursorName[] = ["expired", "untidy"];
const START: Place = { at: 0, no: 0 };

/** What is due behind the cursors, which first go to where the receipt says that everything is done. */
export function dueMedia(
  tx: Transaction,
  { mediaMs, strayMs }: MediaRetention,
  limit: number,
  receipt: string | null,
): DueMedia {
  const { sql, now } = tx;
  const done: Partial<Record<CursorName, Place>> = receipt === null ? {} : JSON.parse(receipt);
  for (const name of CURSORS) {
    // Behind a cursor that a wrong clock sent ahead nothing would be due for as long.
    sql.run("UPDATE media_cursors SET at = ?, no = 0 WHERE name = ? AND at > ?", now, name, now);
    const place = done[name];
    if (place !== undefined) moveCursor(tx, name, place);
  }
  const expired = endedBehind(tx, "expired", now - mediaMs, limit);
  const ended = endedBehind(tx, "untidy", now - strayMs, limit);
  const next = { ...placeOfLast("expired", expired), ...placeOfLast("untidy", ended) };
  return {
    expired: expired.map(idOf),
    untidy: ended.filter((row) => row.status !== "completed" || row.fence !== 1).map(idOf),
    receipt: expired.length + ended.length === 0 ? null : JSON.stringify(next),
  };
}

/** Another process may have been faster: a cursor never goes back. */
function moveCursor({ sql }: Transaction, name: CursorName, { at, no }: Place): void {
  sql.run(
    `INSERT INTO media_cursors (name, at, no) VALUES (?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET at = excluded.at, no = excluded.no WHERE (excluded.at, excluded.no) > (at, no)`,
    name,
    at,
    no,
  );
}

/** Tasks behind the cursor that ended at `moment` or earlier. Two queries, because the index begins with `trimmed`. */
function endedBehind({ sql }: Transaction, name: CursorName, moment: number, limit: number): SqlRow[] {
  const row = sql.get("SELECT at, no FROM media_cursors WHERE name = ?", name);
  const { at, no } = row === null ? START : placeOf(row);
  const found = [0, 1].flatMap((trimmed) =>
    sql.all(
      `SELECT finished_at AS at, no, id, status, fence FROM tasks
       WHERE trimmed = ? AND finished_at >= +? AND finished_at <= +? AND (finished_at > +? OR no > +?)
       ORDER BY finished_at, no LIMIT ?`,
      trimmed,
      at,
      moment,
      at,
      no,
      limit,
    ),
  );
  return found.sort((a, b) => compare(placeOf(a), placeOf(b))).slice(0, limit);
}

function placeOfLast(name: CursorName, rows: readonly SqlRow[]): Partial<Record<CursorName, Place>> {
  const last = rows.at(-1);
  return last === undefined ? {} : { [name]: placeOf(last) };
}

function placeOf(row: SqlRow): Place {
  return { at: row.at as number, no: row.no as number };
}

function compare(a: Place, b: Place): number {
  return a.at - b.at || a.no - b.no;
}

function idOf(row: SqlRow): string {
  return row.id as string;
}
