/** The sink of domain events and started programs: one that is killed, and two that share a Redis server. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WireAccepted } from "../../src/protocol/task.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { EventSinkServer } from "../fixture/event-sink-server.ts";
import { Instances, openRedis } from "../fixture/instances.ts";
import { ADMIN_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

const LAKE = { model: "local/canvas", prompt: "a lake", size: "64x64" };
const SECRET = "sink-secret-0123456789";

let sink: EventSinkServer;
beforeEach(async () => {
  sink = await EventSinkServer.start();
});
afterEach(() => sink.close());

const env = () => ({
  CONDUITLLM__EVENTS__SINK__URL: sink.url,
  CONDUITLLM__EVENTS__SINK__HEADERS__Authorization: `Bearer ${SECRET}`,
});

async function accept(at: ServerProcess): Promise<string> {
  const response = await at.postJson("/v1/images/generations/async", LAKE);
  expect(response.status).toBe(200);
  return ((await response.json()) as WireAccepted).taskId;
}

const LIFE = ["ImageGenerationRequested", "ImageGenerationStarted", "ImageGenerationCompleted"];

/** Events that are not known to have arrived. */
async function waiting(at: ServerProcess): Promise<number> {
  const health = await (await at.request("/health", {}, ADMIN_KEY)).json();
  return (health as { parts: { events: { waiting: number } } }).parts.events.waiting;
}

/** What the sink was told of a task, each event where it came first. */
function toldOf(taskId: string): string[] {
  const events = sink.batches.flatMap(({ events }) => events);
  const first = new Map(events.filter(({ id }) => id.startsWith(`${taskId}/`)).map((one) => [one.id, one]));
  return [...first.values()].map(({ type }) => type);
}

const isTold = (taskId: string) => toldOf(taskId).length === LIFE.length;

describe("a program", () => {
  test("that is killed while a batch is on its way sends it again after its restart, with the same ids", async () => {
    const folder = await temporaryFolder();
    try {
      sink.next(() => {});
      const first = await ServerProcess.start({ dataDir: folder.path, env: env() });
      const id = await accept(first);
      await sink.saw(1);
      await first.kill();
      const [lost] = sink.batches;
      const second = await ServerProcess.start({ dataDir: folder.path, env: env() });
      await sink.until(() => sink.batches.length > 1 && isTold(id));
      expect(sink.batches[1]?.ids.slice(0, lost?.ids.length)).toEqual(lost?.ids);
      expect(toldOf(id)).toEqual(LIFE);
      expect(sink.batches[1]?.headers.authorization).toBe(`Bearer ${SECRET}`);
      await second.stop();
      expect(first.output + second.output).not.toContain(SECRET);
    } finally {
      await folder.remove();
    }
  });
});

describeWithRedis("two programs on one Redis server", () => {
  test("send every event once, in the order of its task, and one goes on alone when the other is killed", async () => {
    const instances = await Instances.start(await openRedis(), { env: env() });
    try {
      const [one, other] = [instances.at(0), instances.at(1)];
      const ids: string[] = [];
      for (let n = 0; n < 10; n++) ids.push(await accept(n % 2 === 0 ? one : other));
      await sink.until(() => ids.every(isTold));
      expect(sink.ids).toHaveLength(new Set(sink.ids).size);
      for (const id of ids) expect(toldOf(id)).toEqual(LIFE);

      // A lease that the killed one left would have to run out first.
      while ((await waiting(other)) > 0);
      await instances.kill(0);
      const later = await accept(other);
      await sink.until(() => toldOf(later).length > 0);
    } finally {
      await instances.close();
    }
  });
});
