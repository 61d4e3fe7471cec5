/** The HTTP exchanges of calls, each within a time and with a bounded answer. */

import type { Clock } from "../../tasks/ports/clock.ts";
import { boundedText, type VoiceFetch } from "../session/upstream-call.ts";
import type { CallDialect, CallRequest } from "../translator.ts";

/** What became of an offer. */
export type OfferOutcome =
  | { readonly outcome: "answered"; readonly sdp: string; readonly callId: string }
  /** `status` null: there was no answer in time. */
  | {
      readonly outcome: "refused";
      readonly status: number | null;
      readonly retryAfterSeconds: number | null;
    };

export interface CallHttp {
  /** Rejects never. */
  offer(request: CallRequest, dialect: Pick<CallDialect, "callIdOf">): Promise<OfferOutcome>;
  /** Whether the call is over for certain: it was hung up now, or there is none. Rejects never. */
  hangUp(request: CallRequest): Promise<boolean>;
}

export type CallHttpOptions = { readonly offerMs: number; readonly hangUpMs: number };

/** Statuses that say that there is no such call (any more). */
const GONE: ReadonlySet<number> = new Set([404, 410]);

export function createCallHttp(
  fetch: VoiceFetch,
  clock: Pick<Clock, "after">,
  { offerMs, hangUpMs }: CallHttpOptions,
): CallHttp {
  async function exchange<T>(
    { url, headers, body }: CallRequest,
    ms: number,
    read: (response: Response) => Promise<T>,
  ): Promise<T | null> {
    const controller = new AbortController();
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const timer = clock.after(ms, () => {
      controller.abort(new Error("The provider did not answer in time"));
      resolve(null);
    });
    const { signal } = controller;
    const asked = fetch(url, { method: "POST", headers, body, redirect: "manual", signal })
      .then(read)
      .catch(() => null);
    const answer = await Promise.race([asked, late]);
    timer.cancel();
    return answer;
  }

  return {
    async offer(request, dialect) {
      const answer = await exchange(request, offerMs, async (response): Promise<OfferOutcome> => {
        const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
        const sdp = await boundedText(response);
        const callId = dialect.callIdOf(response.headers.get("location"));
        // Without its id a call can neither be metered nor hung up.
        if (response.ok && sdp !== null && sdp !== "" && callId !== null)
          return { outcome: "answered", sdp, callId };
        const retryAfterSeconds = seconds >= 0 ? Math.ceil(seconds) : null;
        return { outcome: "refused", status: response.status, retryAfterSeconds };
      });
      return answer ?? { outcome: "refused", status: null, retryAfterSeconds: null };
    },
    async hangUp(request) {
      const gone = await exchange(request, hangUpMs, async (response) => {
        await response.body?.cancel();
        return response.ok || GONE.has(response.status);
      });
      return gone ?? false;
    },
  };
}
