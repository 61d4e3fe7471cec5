/**
 * What providers say that they bill for a session, for those that say nothing of it while it lasts: their record of the session is
 * read once it has ended. It is asked for several times, because they reckon it afterwards.
 */

import type { Json } from "../../protocol/task.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import { boundedText, type VoiceFetch } from "../session/upstream-call.ts";
import type { BillDialect, UpstreamEndpoint } from "../translator.ts";

/** A session as its provider knows it. */
export type BilledSession = {
  readonly dialect: BillDialect;
  readonly endpoint: UpstreamEndpoint;
  /** The provider's id of it. */
  readonly id: string;
};

/** Before each try, ms: together less than the time after which somebody else settles the session. */
const PAUSES_MS = [2_000, 5_000, 12_000, 20_000] as const;
/** How long one answer may take, ms. */
const ANSWER_MS = 4_000;

export class ProviderBills {
  readonly #fetch: VoiceFetch;
  readonly #clock: Pick<Clock, "after">;
  /** Ends the pause of each session that waits. */
  readonly #waiting = new Set<() => void>();
  #isStopped = false;

  constructor(fetch: VoiceFetch, clock: Pick<Clock, "after">) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** Milliseconds that are billed; null when the provider does not say in time, or the process stops. Rejects never. */
  async billedMs(session: BilledSession): Promise<number | null> {
    for (const pauseMs of PAUSES_MS) {
      await this.#pause(pauseMs);
      const billed = await this.#ask(session);
      if (billed !== null) return billed;
    }
    return null;
  }

  /** From here on nobody is asked: what is not known is not known. */
  stop(): void {
    this.#isStopped = true;
    for (const end of this.#waiting) end();
  }

  async #ask({ dialect, endpoint, id }: BilledSession): Promise<number | null> {
    if (this.#isStopped) return null;
    const { url, headers } = dialect.request(endpoint, id);
    const controller = new AbortController();
    const timer = this.#clock.after(ANSWER_MS, () => controller.abort());
    try {
      const { signal } = controller;
      const response = await this.#fetch(url, { headers: { ...headers }, redirect: "manual", signal });
      const text = await boundedText(response);
      return response.ok && text !== null ? dialect.billedMsOf(JSON.parse(text) as Json) : null;
    } catch {
      return null;
    } finally {
      timer.cancel();
    }
  }

  /** Resolves after that long, ms; at once when the process stops. */
  async #pause(ms: number): Promise<void> {
    if (this.#isStopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.after(ms, resolve);
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    timer.cancel();
  }
}
