/** Two processes over one Redis server whose results are in one bucket instead of a folder. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { WireTask } from "../../src/protocol/task.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { FakeS3 } from "../fixture/fake-s3.ts";
import { Instances, openRedis } from "../fixture/instances.ts";
import type { ServerProcess } from "../fixture/server-process.ts";

const CREATE = { model: "local/canvas", prompt: "a lake", size: "64x64" };

describeWithRedis("two instances that share a bucket", () => {
  test("a result is read at either, and purged at the other it is gone from both", async () => {
    const s3 = await FakeS3.start();
    const instances = await Instances.start(await openRedis(), { env: variablesOf(s3) });
    const [one, other] = [instances.at(0), instances.at(1)];
    try {
      const made = await paint(one, CREATE);
      const { pathname } = new URL(made.result?.images?.[0]?.url ?? "");
      expect([...s3.objects.keys()].map((key) => `/v1/media/${key}`)).toEqual([pathname]);
      const [here, there] = await Promise.all([one, other].map((at) => fetch(`${at.url}${pathname}`)));
      expect(there!.headers.get("content-type")).toBe("image/png");
      expect(await there!.bytes()).toEqual(await here!.bytes());
      const part = await fetch(`${other.url}${pathname}`, { headers: { range: "bytes=1-3" } });
      expect([part.status, await part.text()]).toEqual([206, "PNG"]);

      expect(existsSync(join(instances.dataDir, "media"))).toBe(false);

      const purged = await other.request(`/v1/tasks/${made.taskId}?purge=true`, { method: "DELETE" });
      expect(purged.status).toBe(200);
      expect([...s3.objects.keys()]).toEqual([]);
      expect((await fetch(`${one.url}${pathname}`)).status).toBe(404);
    } finally {
      await instances.close();
      await s3.stop();
    }
  });

  test("a task is finished once a bucket that failed is back", async () => {
    const s3 = await FakeS3.start();
    const instances = await Instances.start(await openRedis(), { env: variablesOf(s3) });
    try {
      s3.trouble(/^PUT/, ...Array.from({ length: 3 }, () => ({ status: 503, code: "SlowDown" })));
      const made = await paint(instances.at(0), CREATE);
      expect(made.status).toBe("completed");
      expect(s3.objects.size).toBe(1);
      expect(s3.calls.filter(({ method }) => method === "PUT")).toHaveLength(4);
    } finally {
      await instances.close();
      await s3.stop();
    }
  });
});

function variablesOf(s3: FakeS3): Record<string, string> {
  return Object.fromEntries(
    Object.entries(s3.access).map(([name, value]) => [
      `CONDUITLLM__MEDIA__S3__${name.toUpperCase()}`,
      String(value),
    ]),
  );
}

/** The ended task. */
async function paint(at: ServerProcess, body: object): Promise<WireTask> {
  const response = await at.postJson("/v1/images/generations/async", body, { prefer: "wait=30" });
  return (await response.json()) as WireTask;
}
