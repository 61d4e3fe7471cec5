/** The client that hooks use where they are handed none. */

import { createContext, createElement, type ReactElement, type ReactNode, useContext } from "react";
import type { ConduitClient } from "../conduit-client.ts";

const Context = createContext<ConduitClient | null>(null);

export type ConduitProviderProps = {
  /** Must stay the same between renders. */
  client: ConduitClient;
  children?: ReactNode;
};

export function ConduitProvider({ client, children }: ConduitProviderProps): ReactElement {
  return createElement(Context.Provider, { value: client }, children);
}

/** The client of the nearest `ConduitProvider`; null outside of one. */
export function useConduitClient(): ConduitClient | null {
  return useContext(Context);
}
