/** SignalR clients of other languages see a task of five seconds through, on a process and on Workers. */

import { afterAll, beforeAll, describe, test } from "vitest";
import type { HubWorld } from "../contract/hub.ts";
import { FOREIGN_CLIENTS, installForeignClients, type Toolbox } from "../fixture/foreign-clients.ts";
import { openHubWorld } from "../fixture/hub-world.ts";
import { StartedProgram } from "../fixture/started-program.ts";
import { openWorkerWorld } from "../fixture/worker-world.ts";

const INSTALL_MS = 600_000;
/** `signalrcore` notices its own stop with the next message of the server, twice. */
const TEST_MS = 180_000;
const STEPS = [10, 20, 30, 40, 50, 60, 70, 80, 90];
const STEP_MS = 500;

const HOSTS: [string, () => Promise<HubWorld>][] = [
  ["under Bun", () => openHubWorld()],
  ["on Workers", () => openWorkerWorld()],
];
const CASES = FOREIGN_CLIENTS.flatMap((client) =>
  client.wires.map((wire) => ({ client, wire, title: `${client.name} over ${wire.join(" with ")}` })),
);

let toolbox: Toolbox;
beforeAll(async () => {
  toolbox = await installForeignClients();
}, INSTALL_MS);
afterAll(() => toolbox.remove());

describe.each(HOSTS)("%s", (_, open) => {
  let world: HubWorld;
  beforeAll(async () => {
    world = await open();
  });
  afterAll(() => world.close());

  test.for(CASES)(
    "$title follows a task to its end, and again over a new connection",
    { timeout: TEST_MS, concurrent: true },
    async ({ client, wire }, { skip, expect }) => {
      const place = toolbox.installed[client.toolchain];
      if ("missing" in place) return skip(place.missing);
      const taskId = await world.submit("image");
      const call = { hub: `${world.url}/hubs/image-generation`, key: world.key, taskId, wire };
      const follower = new StartedProgram(client.command(call, place.folder), { cwd: place.folder });
      try {
        await follower.until("progress 0");
        for (const step of STEPS) {
          await Bun.sleep(STEP_MS);
          await world.progress(taskId, step);
        }
        await follower.until(`progress ${STEPS.at(-1)}`);
        await world.complete(taskId);
        await follower.until(`again ${taskId} http`);
        expect(follower.lines.filter((line) => line.startsWith("completed "))).toHaveLength(1);
        expect(follower.lines.filter((line) => line.startsWith("progress ")).length).toBeGreaterThan(5);
        expect(await follower.ended()).toBe(0);
      } finally {
        follower.kill();
      }
    },
  );
});
