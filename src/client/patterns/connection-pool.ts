/** A pool of connections: made when they are needed, looked at before they are handed out, given back by themselves. */

import { type ClientClock, orAborted, sleep, systemTimers } from "../clock.ts";
import { ConduitError } from "../transport/errors.ts";
import { startTimeLimit } from "../transport/time-limit.ts";

export type ConnectionPoolOptions<Connection> = {
  /** Makes one that is ready for use, such as a realtime client that has connected. */
  create: () => Promise<Connection>;
  /** Ends one. What it throws changes nothing. */
  destroy: (connection: Connection) => Promise<void> | void;
  /** Looked at before one is handed out and when it comes back; throwing or taking longer than 5 s is no. Default: always yes. */
  isHealthy?: ((connection: Connection) => boolean | Promise<boolean>) | undefined;
  /** The most there are at once. Default 5. */
  size?: number | undefined;
  /** Default: the system's. */
  clock?: ClientClock | undefined;
};

export type AcquireOptions = {
  signal?: AbortSignal | undefined;
  /** Rejects with a `TimeoutError` when none could be had for so long. Default: waits. */
  timeoutMs?: number | undefined;
};

/** A connection while it is held. Given back by `release`, or at the end of the block: `using held = await pool.acquire()`. */
export type HeldConnection<Connection> = Disposable & {
  readonly connection: Connection;
  /** Again is nothing. */
  release(): void;
};

/** The pool was closed. */
export class PoolClosedError extends ConduitError {
  override name = "PoolClosedError";
}

type Waiter = { wake: () => void; refuse: (error: unknown) => void };

const SIZE = 5;
const HEALTH_MS = 5_000;

export class ConnectionPool<Connection> implements AsyncDisposable {
  readonly #options: ConnectionPoolOptions<Connection>;
  readonly #size: number;
  readonly #clock: ClientClock;
  readonly #idle: Connection[] = [];
  readonly #waiting = new Set<Waiter>();
  /** Made, being made, or held. */
  #taken = 0;
  #closed = false;

  constructor(options: ConnectionPoolOptions<Connection>) {
    const { size = SIZE, clock = systemTimers } = options;
    if (!Number.isInteger(size) || size < 1)
      throw new RangeError(`Expected size as a whole number from 1, got ${size}.`);
    this.#options = options;
    this.#size = size;
    this.#clock = clock;
  }

  /** How many connections are idle, held (or being made), and how many callers wait. */
  get counts(): { idle: number; held: number; waiting: number } {
    return { idle: this.#idle.length, held: this.#taken, waiting: this.#waiting.size };
  }

  /**
   * A healthy connection: an idle one, else a new one, else the next that is given back; callers are served in their order. Rejects with
   * what `create` threw, a `TimeoutError`, a `PoolClosedError`, or the signal's reason.
   */
  async acquire({ signal, timeoutMs }: AcquireOptions = {}): Promise<HeldConnection<Connection>> {
    signal?.throwIfAborted();
    this.#requireOpen();
    const message = `No connection could be had within ${timeoutMs} ms.`;
    const limit = startTimeLimit(this.#clock, { signal, timeoutMs, message });
    try {
      // A place that comes free is handed to who waits longest, and never open meanwhile.
      if (this.#taken >= this.#size) await this.#turn(limit.signal);
      else this.#taken += 1;
      try {
        return this.#held(await this.#ready(limit.signal));
      } catch (error) {
        this.#free();
        throw error;
      }
    } finally {
      limit.end();
    }
  }

  /** Runs `work` with a connection that is given back when it is over, however it ends. */
  async use<Result>(
    work: (connection: Connection) => Promise<Result> | Result,
    options: AcquireOptions = {},
  ): Promise<Result> {
    const held = await this.acquire(options);
    try {
      return await work(held.connection);
    } finally {
      held.release();
    }
  }

  /** Ends idle connections and refuses who waits; held ones are ended when they are given back. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { refuse } of [...this.#waiting]) refuse(new PoolClosedError("The pool was closed."));
    await Promise.all(this.#idle.splice(0).map((connection) => this.#destroy(connection)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Waits until a place is this caller's. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => waiter.refuse(signal.reason);
      const over = () => {
        this.#waiting.delete(waiter);
        signal.removeEventListener("abort", leave);
      };
      const waiter: Waiter = {
        wake: () => {
          over();
          resolve();
        },
        refuse: (error) => {
          over();
          reject(error);
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(waiter);
    });
  }

  /** In a place that is taken: an idle connection that is healthy, else a new one. */
  async #ready(signal: AbortSignal): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (await this.#isHealthy(idle)) return idle;
      void this.#destroy(idle);
    }
    this.#requireOpen();
    const made = this.#options.create();
    try {
      return await orAborted(made, signal);
    } catch (error) {
      // Left by its caller, it may still come.
      made.then((connection) => this.#destroy(connection)).catch(() => {});
      throw error;
    }
  }

  #held(connection: Connection): HeldConnection<Connection> {
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      void this.#takeBack(connection);
    };
    return { connection, release, [Symbol.dispose]: release };
  }

  async #takeBack(connection: Connection): Promise<void> {
    if (!this.#closed && (await this.#isHealthy(connection)) && !this.#closed) this.#idle.push(connection);
    else void this.#destroy(connection);
    this.#free();
  }

  /** Hands the place on to who waits longest. */
  #free(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#taken -= 1;
    else next.wake();
  }

  async #isHealthy(connection: Connection): Promise<boolean> {
    const { isHealthy = () => true } = this.#options;
    const late = new AbortController();
    try {
      const verdict = isHealthy(connection);
      if (typeof verdict === "boolean") return verdict;
      return await Promise.race([verdict, sleep(this.#clock, HEALTH_MS, late.signal).then(() => false)]);
    } catch {
      return false;
    } finally {
      late.abort();
    }
  }

  async #destroy(connection: Connection): Promise<void> {
    try {
      await this.#options.destroy(connection);
    } catch {
      // It is gone either way.
    }
  }

  #requireOpen(): void {
    if (this.#closed) throw new PoolClosedError("The pool was closed.");
  }
}
