/** Ends calls at their provider, and tries again: a call that nobody meters is a free call. */

import type { Clock } from "../../tasks/ports/clock.ts";
import type { Log } from "../../tasks/ports/log.ts";
import type { VoiceModels } from "../voice-models.ts";
import type { CallHttp } from "./call-http.ts";

export type HangUpDependencies = {
  readonly models: Pick<VoiceModels, "providerNamed">;
  readonly http: Pick<CallHttp, "hangUp">;
  readonly clock: Pick<Clock, "after">;
  readonly log: Log;
};

/** A call as its record names it. */
export type HeldCall = {
  readonly sessionId: string;
  readonly provider: string;
  /** The account that it was made under; null where the provider has only one. */
  readonly account: string | null;
  readonly callId: string;
};

/** Pauses between tries, ms. What is not over then is hung up by whoever finds its session lost. */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

export class HangUp {
  readonly #dependencies: HangUpDependencies;

  constructor(dependencies: HangUpDependencies) {
    this.#dependencies = dependencies;
  }

  /** One try. Whether the call is over for certain. Rejects never. */
  async once({ sessionId, provider, account, callId }: HeldCall): Promise<boolean> {
    const { models, http, log } = this.#dependencies;
    const known = models.providerNamed(provider);
    const calls = known?.provider.calls;
    const endpoint = known?.accounts.endpointOf(account) ?? null;
    if (calls === undefined || endpoint === null) {
      log.error("a call could not be hung up, because its provider or account is not configured any more", {
        sessionId,
        provider,
        ...(account !== null && { account }),
      });
      return false;
    }
    const gone = await http.hangUp(calls.hangUp(endpoint, callId));
    if (!gone) log.warn("a provider did not hang up a call", { sessionId, provider });
    return gone;
  }

  /** Several tries. Whether the call is over for certain. Rejects never. */
  async untilGone(call: HeldCall): Promise<boolean> {
    for (const pauseMs of PAUSES_MS) {
      if (await this.once(call)) return true;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#dependencies.clock.after(pauseMs, resolve);
      await promise;
    }
    return await this.once(call);
  }
}
