/** Five hundred tasks through a proxy that cuts, delays and repeats, with a minute of the client's time in which nobody comes through. */

import { clientChaos } from "../contract/client-chaos.ts";

clientChaos({
  seed: 20_261_130,
  tasks: { hub: 200, streams: 150, run: 150 },
  blackoutMs: 12_000,
  limitMs: 600_000,
});
