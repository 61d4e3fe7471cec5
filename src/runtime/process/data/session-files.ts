/**
 * What the open voice sessions of this process used, each in a file: the store is shared and told twice a minute, and what was
 * counted since then must outlive the process. The files of a process are in a folder of its own that it holds a lock on; whoever
 * gets the lock of another folder knows that its process is dead, and settles its sessions. A file is replaced in one step. It
 * outlives the process, and not a cut of power: nothing is synced.
 */

import { mkdirSync, renameSync } from "node:fs";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Session, SessionCounters, SessionStore } from "../../../realtime/session-store.ts";
import { settleLost } from "../../../realtime/usage/lost-sessions.ts";
import type { SessionJournal } from "../../../realtime/usage/session-journal.ts";
import { isTaskId } from "../../../tasks/ids.ts";
import type { Clock, TimerHandle } from "../../../tasks/ports/clock.ts";
import { describeError, type Log } from "../../../tasks/ports/log.ts";
import { type HeldLock, lockFile } from "./lock-file.ts";
import type { SqliteConnection } from "./sqlite-file.ts";

type Kept = Pick<Session, "id" | "fence" | "price"> & { readonly counters: SessionCounters };
type Slot = { kept: Kept; writing: boolean; due: boolean; over: boolean };

export type SessionFilesOptions = {
  /** Where every process has its folder. */
  readonly folder: string;
  /** Never the same twice. */
  readonly node: string;
  readonly openSqlite: (path: string) => SqliteConnection;
  readonly store: Pick<SessionStore, "endSession" | "renewSession" | "findSession">;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
};

const LOCK = "owner.lock";
const SUFFIX = ".json";
const FRESH = "new-";
const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;
/** Between two looks for dead processes, ms: well within the lease of their sessions. */
const LOOK_MS = 10_000;

export class SessionFiles implements SessionJournal {
  readonly #options: SessionFilesOptions;
  readonly #own: string;
  /** Of its own folder, which is made for its first session. */
  #lock: HeldLock | null = null;
  readonly #slots = new Map<string, Slot>();
  #timer: TimerHandle | null = null;
  #stopped = false;
  /** A disk that takes nothing is told of once. */
  #warned = false;

  constructor(options: SessionFilesOptions) {
    this.#options = options;
    this.#own = join(options.folder, options.node);
  }

  /** Settles what dead processes left, now and from time to time. Resolves after the first look. */
  async start(): Promise<void> {
    await this.#look();
    if (!this.#stopped) this.#timer = this.#options.clock.after(LOOK_MS, () => void this.start());
  }

  /** Leaves no file behind of a process whose sessions the store has. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    const left = [...this.#slots.values()].some(({ over }) => !over);
    this.#lock?.release();
    if (this.#lock !== null && !left) await rm(this.#own, { recursive: true, force: true });
  }

  opened({ id, fence, price, counters }: Session): void {
    const slot: Slot = { kept: { id, fence, price, counters }, writing: false, due: false, over: false };
    this.#slots.set(id, slot);
    this.#takeFolder();
    void this.#write(slot);
  }

  moved({ id, price }: Session): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    slot.kept = { ...slot.kept, price };
    void this.#write(slot);
  }

  keep(sessionId: string, counters: SessionCounters): void {
    const slot = this.#slots.get(sessionId);
    if (slot === undefined) return;
    slot.kept = { ...slot.kept, counters };
    void this.#write(slot);
  }

  ended(sessionId: string): void {
    const slot = this.#slots.get(sessionId);
    if (slot === undefined) return;
    slot.over = true;
    void this.#write(slot);
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
    } catch (error) {
      this.#warn(
        "what voice sessions use cannot be kept in the data directory: after a crash up to 30 s are lost",
        error,
      );
    }
  }

  /** One write at a time for each session: what came meanwhile is written next, the latest alone. */
  async #write(slot: Slot): Promise<void> {
    slot.due = true;
    if (slot.writing) return;
    slot.writing = true;
    const file = join(this.#own, slot.kept.id + SUFFIX);
    while (slot.due) {
      slot.due = false;
      try {
        if (slot.over) await rm(file, { force: true });
        else {
          await writeFile(`${file}.new`, JSON.stringify(slot.kept), { mode: OWNER_ONLY_FILE });
          await rename(`${file}.new`, file);
        }
      } catch (error) {
        this.#warn("what a voice session used could not be kept in a file", error);
      }
    }
    slot.writing = false;
    if (slot.over) this.#slots.delete(slot.kept.id);
  }

  async #look(): Promise<void> {
    const { folder, node } = this.#options;
    try {
      for (const name of await folders(folder))
        if (name !== node && !name.startsWith(FRESH)) await this.#settleFolder(join(folder, name));
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

  async #settleFile(file: string): Promise<void> {
    const { store, log } = this.#options;
    const kept = readKept(await readFile(file, "utf8"));
    if (kept !== null) {
      const session = await store.findSession(kept.id);
      if (session !== null)
        await settleLost({ store, log }, { ...kept, callId: session.callId }, kept.counters);
    }
    await rm(file, { force: true });
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
function readKept(text: string): Kept | null {
  try {
    const kept = JSON.parse(text) as Kept | null;
    const whole = typeof kept?.id === "string" && typeof kept.fence === "number";
    return whole && typeof kept.counters === "object" && kept.counters !== null ? kept : null;
  } catch {
    return null;
  }
}
