/** A task of 100 s with the default keep-alive and time-out, for Microsoft's client under Bun and on Workers. */

import { hubLongTaskContract, REAL_TIMES } from "../contract/hub-long-task.ts";
import { openHubWorld } from "../fixture/hub-world.ts";
import { openWorkerWorld } from "../fixture/worker-world.ts";

hubLongTaskContract({ name: "on Workers", times: REAL_TIMES, open: (env) => openWorkerWorld(() => env) });
hubLongTaskContract({ name: "under Bun", times: REAL_TIMES, open: (env) => openHubWorld({ env }) });
