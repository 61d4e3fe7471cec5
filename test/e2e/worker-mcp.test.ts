/** The Model Context Protocol of the Worker in a real workerd, with nothing but its own Durable Objects. */

import { mcpContract } from "../contract/mcp.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY } from "../fixture/server-process.ts";
import { WorkerProcess } from "../fixture/worker-process.ts";
import { ROOMY } from "../fixture/worker-world.ts";

mcpContract({
  name: "the Worker with Durable Objects",
  async open() {
    const worker = await WorkerProcess.start({ env: ROOMY });
    return { url: worker.url, key: BOOTSTRAP_KEY, adminKey: ADMIN_KEY, close: () => worker.stop() };
  },
});
