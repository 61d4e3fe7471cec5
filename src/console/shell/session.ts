/** What every page works with: the client of the key that is signed in. */

import { createContext, useContext } from "react";
import { ConduitClient } from "../../client/index.ts";
import type { WireOwnEphemeralKey } from "../../protocol/ephemeral-key.ts";
import type { WireOwnKey } from "../../protocol/key.ts";

export type OwnKey = WireOwnKey | WireOwnEphemeralKey;

export type ConsoleSession = {
  client: ConduitClient;
  virtualKey: string;
  /** Where the gateway is, without a slash at the end. */
  baseUrl: string;
  /** What the key may do, as it was when it was signed in. */
  key: OwnKey;
  /** Forgets the key; with a reason, when the gateway refused it. */
  signOut(reason?: string): void;
};

export const SessionContext = createContext<ConsoleSession | null>(null);

/** The session; only within a page. */
export function useSession(): ConsoleSession {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("A page was shown without a key.");
  return session;
}

/** The gateway that this page came from, also below the prefix of a proxy. */
export function pageBaseUrl(): string {
  return new URL(".", window.location.href.replace(/[?#].*$/, "")).href.replace(/\/$/, "");
}

export function clientOf(virtualKey: string): ConduitClient {
  return new ConduitClient({ virtualKey, baseUrl: pageBaseUrl() });
}
