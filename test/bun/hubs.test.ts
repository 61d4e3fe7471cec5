/** The hubs' promises, kept by the gateway under Bun. */

import { hubContract } from "../contract/hub.ts";
import { hubProgramContract } from "../contract/hub-program.ts";
import { openHubWorld } from "../fixture/hub-world.ts";

hubContract({ name: "under Bun", open: () => openHubWorld() });

hubProgramContract({ name: "under Bun" });
