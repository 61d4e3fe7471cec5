/** The store as the Worker and its objects see it: every method is a call to the one Durable Object that holds it. */

import { StoreUnavailableError } from "../../tasks/ports/store-error.ts";
import type { Store } from "../store.ts";
import { errorOf, isRepeatable, STORE_METHODS, type StoreAnswer, type StoreMethod } from "./store-calls.ts";

/** The object's name: a deployment has one store. */
export const STORE_NAME = "store";

/** What is used of the binding to the class `StoreObject`. */
export type StoreNamespace = {
  getByName(name: string): { call(method: string, args: readonly unknown[]): Promise<StoreAnswer> };
};

/** How the platform begins its refusal of a call or an answer of more than 32 MiB. */
const TOO_LARGE_TO_SEND = "Serialized RPC arguments or return values are limited";

/**
 * The store behind the binding. Errors arrive as what they were. When the object was restarted (a new release, a
 * failure) or could not be reached, a call that may be repeated is, once; any other rejects with
 * `StoreUnavailableError`, whose reason `unreachable` says that nobody knows whether its step happened. Values that
 * cannot be sent at all are a mistake of the caller's: `TypeError`. Closing it does nothing.
 */
export function createRemoteStore(env: { readonly STORE: StoreNamespace }): Store {
  const methods = STORE_METHODS.map((method) => [
    method,
    (...args: readonly unknown[]) => call(env.STORE, method, args),
  ]);
  return { ...Object.fromEntries(methods), close: async () => {} };
}

async function call(store: StoreNamespace, method: StoreMethod, args: readonly unknown[]): Promise<unknown> {
  const answer = await reach(store, method, args);
  if (answer.ok) return answer.value;
  throw errorOf(answer.failure);
}

async function reach(
  store: StoreNamespace,
  method: StoreMethod,
  args: readonly unknown[],
): Promise<StoreAnswer> {
  for (let repeats = isRepeatable(method) ? 1 : 0; ; repeats--) {
    try {
      // A stub belongs to the request that made it, and one whose object was restarted stays broken: a new one each time.
      return await store.getByName(STORE_NAME).call(method, args);
    } catch (error) {
      const mistake = mistakeBehind(error, method);
      if (mistake !== null) throw mistake;
      const failure = failureToReach(error);
      // Asking an overloaded object again is what overloads it.
      if (repeats === 0 || failure.reason === "overloaded") throw failure;
    }
  }
}

/** Not every object can be sent, and none of any size: trying again would change nothing, and no store is away. */
function mistakeBehind(error: unknown, method: StoreMethod): TypeError | null {
  if (!(error instanceof Error)) return null;
  const { name, message } = error;
  if (name !== "DataCloneError" && !message.startsWith(TOO_LARGE_TO_SEND)) return null;
  return new TypeError(`A value of the store's ${method} cannot be sent: ${message}`, { cause: error });
}

function failureToReach(error: unknown): StoreUnavailableError {
  // The platform's mark on its own errors.
  const overloaded = error instanceof Error && "overloaded" in error && error.overloaded === true;
  return overloaded
    ? new StoreUnavailableError(
        "overloaded",
        "The store has more to do than it can take; try again in a moment",
        error,
      )
    : new StoreUnavailableError(
        "unreachable",
        "The store was restarted or cannot be reached; try again in a moment",
        error,
      );
}
