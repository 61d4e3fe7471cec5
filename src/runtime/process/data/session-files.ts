/**
 * What the open voice sessions of this process used, in a file: the store is told from time to time, and what was counted since then
 * must outlive the process. The file of a process is in a folder of its own that it holds a lock on; whoever gets the lock of
 * another folder knows that its process is dead, and settles its sessions. It outlives the process, and a cut of power.
 */

import { mkdirSync, renameSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "../../../media/folder-sync.ts";
import type { Session, SessionCounters, SessionStore } from "../../../realtime/session-store.ts";
import { settleLost } from "../../../realtime/usage/lost-sessions.ts";
import type { SessionJournal } from "../../../realtime/usage/session-journal.ts";
import { isTaskId } from "../../../tasks/ids.ts";
import type { Clock, TimerHandle } from "../../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../../tasks/ports/log.ts";
import { LatestRecords, readLatestRecords } from "./latest-records.ts";
import { type HeldLock, lockFile } from "./lock-file.ts";
import type { SqliteConnection } from "./sqlite-file.ts";

type Kept = Pick<Session, "id" | "fence" | "price"> & { readonly counters: SessionCounters };

export type SessionFilesOptions = {
  /** Where every process has its folder. */
  readonly folder: string;
  /** Where processes of a release before this one have theirs, with a file for each session. */
  readonly olderFolder: string;
  /** Never the same twice. */
  readonly node: string;
  readonly openSqlite: (path: string) => SqliteConnection;
  readonly store: Pick<SessionStore, "endSession" | "renewSession" | "findSession">;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
};

const LOCK = "owner.lock";
/** The file of a process. */
const RECORDS = "sessions";
/** Of a release before this one. */
const SUFFIX = ".json";
const FRESH = "new-";
const OWNER_ONLY_FOLDER = 0o700;
/** Between two looks for dead processes, ms: well within the lease of their sessions. */
const LOOK_MS = 10_000;

export class SessionFiles implements SessionJournal {
  readonly #options: SessionFilesOptions;
  readonly #own: string;
  readonly #records: LatestRecords<Kept>;
  /** Of its own folder, which is made for its first session. */
  #lock: HeldLock | null = null;
  #timer: TimerHandle | null = null;
  #stopped = false;
  /** A disk that takes nothing is told of once. */
  #warned = false;

  constructor(options: SessionFilesOptions) {
    this.#options = options;
    this.#own = join(options.folder, options.node);
    this.#records = new LatestRecords({
      path: join(this.#own, RECORDS),
      clock: options.clock,
      failed: (error) => this.#warn("what voice sessions used could not be kept in a file", error),
    });
  }

  /** Settles what dead processes left, now and from time to time. Resolves after the first time. */
  async start(): Promise<void> {
    await this.settleDead();
    if (!this.#stopped) this.#timer = this.#options.clock.after(LOOK_MS, () => void this.start());
  }

  /** Leaves no file behind of a process whose sessions the store has. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#records.close();
    this.#lock?.release();
    if (this.#lock !== null && this.#records.size === 0)
      await rm(this.#own, { recursive: true, force: true });
  }

  opened({ id, fence, price, counters }: Session): void {
    this.#takeFolder();
    this.#records.put(id, { id, fence, price, counters });
  }

  moved({ id, price }: Session): void {
    this.#change(id, { price });
  }

  keep(sessionId: string, counters: SessionCounters): void {
    this.#change(sessionId, { counters });
  }

  ended(sessionId: string): void {
    this.#records.remove(sessionId);
  }

  #change(id: string, changed: Partial<Kept>): void {
    const kept = this.#records.get(id);
    if (kept !== undefined) this.#records.put(id, { ...kept, ...changed });
  }

  #takeFolder(): void {
    if (this.#lock !== null) return;
    const { folder, node, openSqlite } = this.#options;
    try {
      // Under its name there is never a folder without its lock, which another process would take for a dead one's.
      const fresh = join(folder, FRESH + node);
      mkdirSync(fresh, { recursive: true, mode: OWNER_ONLY_FOLDER });
      this.#lock = lockFile(join(fresh, LOCK), openSqlite);
      renameSync(fresh, this.#own);
      syncFolder(folder).catch((error) =>
        this.#warn("the folder of voice sessions may not outlive a cut of power", error),
      );
    } catch (error) {
      this.#warn(
        "what voice sessions use cannot be kept in the data directory: after a crash up to 30 s are lost",
        error,
      );
    }
  }

  /** Settles what dead processes left. Resolves when it is done, or cannot be done now. */
  async settleDead(): Promise<void> {
    const { folder, olderFolder, node } = this.#options;
    try {
      for (const parent of [folder, olderFolder])
        for (const name of await folders(parent))
          if (name !== node && !name.startsWith(FRESH)) await this.#settleFolder(join(parent, name));
    } catch (error) {
      this.#warn("the voice sessions of dead processes could not be looked for", error);
    }
  }

  async #settleFolder(folder: string): Promise<void> {
    const { openSqlite, log } = this.#options;
    const lock = lockFile(join(folder, LOCK), openSqlite);
    // Its process lives.
    if (lock === null) return;
    try {
      for (const record of (await readLatestRecords(join(folder, RECORDS))).values())
        await this.#settle(keptOf(record));
      for (const name of await readdir(folder)) {
        const id = name.slice(0, -SUFFIX.length);
        if (name.endsWith(SUFFIX) && isTaskId(id)) await this.#settleFile(join(folder, name));
      }
      await rm(folder, { recursive: true, force: true });
    } catch (error) {
      // The files stay, and are looked at again.
      log.warn("the voice sessions of a dead process could not be settled", { cause: describeError(error) });
    } finally {
      lock.release();
    }
  }

  /** A file of a release before this one. */
  async #settleFile(file: string): Promise<void> {
    await this.#settle(readKept(await readFile(file, "utf8")));
    await rm(file, { force: true });
  }

  async #settle(kept: Kept | null): Promise<void> {
    if (kept === null) return;
    const { store, log } = this.#options;
    const session = await store.findSession(kept.id);
    if (session !== null)
      await settleLost({ store, log }, { ...kept, callId: session.callId }, kept.counters);
  }

  #warn(message: string, error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#options.log.warn(message, { cause: describeError(error) });
  }
}

/** None where no session was ever kept. */
async function folders(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return [];
    throw error;
  }
}

/** Null for what is none of ours. */
function keptOf(record: unknown): Kept | null {
  const kept = record as Kept | null;
  const whole = typeof kept?.id === "string" && typeof kept.fence === "number";
  return whole && typeof kept.counters === "object" && kept.counters !== null ? kept : null;
}

function readKept(text: string): Kept | null {
  try {
    return keptOf(JSON.parse(text));
  } catch {
    return null;
  }
}
