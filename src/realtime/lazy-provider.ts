/** Voice providers whose translators are loaded by their first session, so that a start does not read all of them. */

import type { RealtimeProvider } from "./translator.ts";

type LazyProvider = Pick<RealtimeProvider, "name" | "capabilities" | "calls" | "bills"> & {
  readonly load: () => Promise<RealtimeProvider["translator"]>;
};

/** `load` is called until it succeeds once; sessions that begin afterwards do not wait. */
export function lazyProvider({ name, capabilities, calls, bills, load }: LazyProvider): RealtimeProvider {
  let loaded: RealtimeProvider["translator"] | null = null;
  return {
    name,
    capabilities,
    ...(calls && { calls }),
    ...(bills && { bills }),
    async prepare() {
      loaded ??= await load();
    },
    translator(context) {
      if (loaded === null) throw new Error(`The translator of ${name} is used before it is prepared.`);
      return loaded(context);
    },
  };
}
