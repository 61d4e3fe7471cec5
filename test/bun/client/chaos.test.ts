/** Fifty tasks through a proxy that cuts, delays and repeats; the long form has five hundred and a night in between. */

import { clientChaos } from "../../contract/client-chaos.ts";

clientChaos({
  seed: 20_261_130,
  tasks: { hub: 20, streams: 15, run: 15 },
  blackoutMs: 0,
  limitMs: 120_000,
});
