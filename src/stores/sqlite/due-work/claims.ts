/** Claiming due work: destinations in turn, none beyond its places; and work whose time is over, wherever it is for. */

import type { WorkKind } from "../../../tasks/due-work.ts";
import type { ClaimedWork, WorkClaimOptions } from "../../../tasks/ports/task-store.ts";
import type { SqlRow } from "../../sql.ts";
import type { Transaction } from "../transaction.ts";
import { refreshQueue, workItem } from "./queues.ts";

/** Due queues that one claim looks at. Full and paused ones are not due. */
const MAX_QUEUES = 256;
/** Rows past their end that one claim looks at for each of those it may take. */
const OVERDUE_FACTOR = 4;

const OVERDUE = `SELECT * FROM work WHERE kind = +? AND held = 0 AND give_up_at <= ? ORDER BY give_up_at LIMIT ?`;
const OVERDUE_LOST =
  "SELECT * FROM work WHERE kind = ? AND held = 1 AND give_up_at <= ? AND due_at <= ? LIMIT ?";
const DUE_QUEUES = `SELECT destination FROM work_queues WHERE kind = +? AND next_at <= ?
  ORDER BY next_at, turns LIMIT ${MAX_QUEUES}`;
const QUEUE =
  "SELECT destination, next_at, turns FROM work_queues WHERE kind = ? AND destination = ? AND next_at <= ?";
const DUE_ROWS = `SELECT * FROM work WHERE kind = +? AND destination = +? AND held = +? AND due_at <= ?
  ORDER BY due_at LIMIT ?`;
const PLACES_TAKEN =
  "SELECT count(*) AS n FROM work WHERE kind = ? AND destination = ? AND held = 1 AND due_at > ?";

export function claimWork(tx: Transaction, options: WorkClaimOptions): ClaimedWork[] {
  const claim = new WorkClaim(tx, options);
  claim.takeOverdue();
  claim.takeDue();
  return claim.finish();
}

class WorkClaim {
  readonly #step: Transaction;
  readonly #options: WorkClaimOptions;
  readonly #claimed: ClaimedWork[] = [];
  readonly #taken = new Set<number>();
  /** Of each destination that was looked at: the places left, and how many were given out. */
  readonly #places = new Map<string, { free: number; served: number }>();

  constructor(tx: Transaction, options: WorkClaimOptions) {
    this.#step = tx;
    this.#options = options;
  }

  /** Nothing of it waits for its destination, a pause or another try any more. */
  takeOverdue(): void {
    const { sql, now } = this.#step;
    const { kind, max } = this.#options;
    const limit = max * OVERDUE_FACTOR;
    for (const row of sql.all(OVERDUE, kind, now, limit)) this.#take(row);
    for (const row of sql.all(OVERDUE_LOST, kind, now, now, limit)) this.#take(row);
  }

  /** One of each due queue, then another of each, until there is no more of anything. */
  takeDue(): void {
    const { max } = this.#options;
    let rounds = this.#dueQueues().map((destination) => this.#dueRows(destination));
    while (rounds.length > 0 && this.#claimed.length < max) {
      rounds = rounds.filter((rows) => {
        if (this.#claimed.length >= max) return false;
        for (let next = rows.next(); !next.done; next = rows.next()) if (this.#take(next.value)) return true;
        return false;
      });
    }
  }

  finish(): ClaimedWork[] {
    for (const [destination, { free, served }] of this.#places)
      refreshQueue(this.#step, this.#options.kind, destination, { full: free <= 0, served });
    return this.#claimed;
  }

  #dueQueues(): string[] {
    const { sql, now } = this.#step;
    const { kind, destinations } = this.#options;
    if (destinations === undefined)
      return sql.all(DUE_QUEUES, kind, now).map((row) => row.destination as string);
    return destinations
      .map((destination) => sql.get(QUEUE, kind, destination, now))
      .filter((row) => row !== null)
      .sort(
        (a, b) => (a.next_at as number) - (b.next_at as number) || (a.turns as number) - (b.turns as number),
      )
      .map((row) => row.destination as string);
  }

  /** Read when the queue's turn comes. */
  *#dueRows(destination: string): Generator<SqlRow> {
    const { sql, now } = this.#step;
    const { kind, max } = this.#options;
    const limit = Math.min(this.#placesOf(destination).free, max);
    if (limit <= 0) return;
    const rows = [0, 1].flatMap((held) => sql.all(DUE_ROWS, kind, destination, held, now, limit));
    yield* rows.sort((a, b) => (a.due_at as number) - (b.due_at as number));
  }

  #placesOf(destination: string): { free: number; served: number } {
    let places = this.#places.get(destination);
    if (places === undefined) {
      const { sql, now } = this.#step;
      const taken = sql.get(PLACES_TAKEN, this.#options.kind, destination, now)?.n as number;
      places = { free: this.#options.maxPerDestination - taken, served: 0 };
      this.#places.set(destination, places);
    }
    return places;
  }

  /** False when it may not be: the claim has enough, or the destination has no place. */
  #take(row: SqlRow): boolean {
    const { sql, tasks, now } = this.#step;
    const { leaseMs, max } = this.#options;
    const no = row.no as number;
    const places = this.#placesOf(row.destination as string);
    if (this.#claimed.length >= max || places.free <= 0 || this.#taken.has(no)) return false;
    this.#taken.add(no);
    places.free -= 1;
    places.served += 1;
    sql.run(
      "UPDATE work SET held = 1, due_at = ?, tries = tries + 1, fence = fence + 1 WHERE no = ?",
      now + leaseMs,
      no,
    );
    const item = workItem(row);
    const task = tasks.byId(sql, item.taskId)?.task ?? null;
    this.#claimed.push({ item: { ...item, fence: item.fence + 1 }, task, overdue: item.giveUpAt <= now });
    return true;
  }
}

const FIRST_QUEUE = "SELECT min(next_at) AS at FROM work_queues WHERE kind = ?";
const NEXT_OF = "SELECT next_at AS at FROM work_queues WHERE kind = ? AND destination = ?";
const FIRST_END = "SELECT min(give_up_at) AS at FROM work WHERE kind = ? AND held = 0";
const FIRST_LOST_END = "SELECT min(max(give_up_at, due_at)) AS at FROM work WHERE kind = ? AND held = 1";

/** In how many ms work may next be claimed: a queue of the destinations is due, or some work's time is over. */
export function nextWorkIn(
  { sql, now }: Transaction,
  kind: WorkKind,
  destinations?: readonly string[],
): number | null {
  const rows = [sql.get(FIRST_END, kind), sql.get(FIRST_LOST_END, kind)];
  if (destinations === undefined) rows.push(sql.get(FIRST_QUEUE, kind));
  else for (const destination of destinations) rows.push(sql.get(NEXT_OF, kind, destination));
  const moments = rows.map((row) => row?.at ?? null).filter((at) => typeof at === "number");
  return moments.length === 0 ? null : Math.max(0, Math.min(...moments) - now);
}
