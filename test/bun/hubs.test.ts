/** The hubs' promises, kept by the gateway under Bun. */

import { hubContract } from "../contract/hub.ts";
import { hubLongTaskContract, SHORT_TIMES } from "../contract/hub-long-task.ts";
import { hubProgramContract } from "../contract/hub-program.ts";
import { openHubWorld } from "../fixture/hub-world.ts";

hubContract({ name: "under Bun", open: () => openHubWorld() });

hubLongTaskContract({ name: "under Bun", times: SHORT_TIMES, open: (env) => openHubWorld({ env }) });

hubProgramContract({ name: "under Bun" });
