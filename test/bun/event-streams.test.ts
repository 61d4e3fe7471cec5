/** The event streams' promises, kept by the gateway under Bun. */

import { eventStreamContract } from "../contract/event-streams.ts";
import { openHubWorld } from "../fixture/hub-world.ts";

eventStreamContract({ name: "under Bun", open: () => openHubWorld() });
