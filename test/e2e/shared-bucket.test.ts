/** Results in a bucket: of two processes over one Redis server, of a Worker, of a process under Deno. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { WireTask } from "../../src/protocol/task.ts";
import { denoCommand, denoMissing } from "../fixture/deno/command.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { FakeS3 } from "../fixture/fake-s3.ts";
import { Instances, openRedis } from "../fixture/instances.ts";
import { ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { WorkerProcess } from "../fixture/worker-process.ts";

const CREATE = { model: "local/canvas", prompt: "a lake", size: "64x64" };

describeWithRedis("two instances that share a bucket", () => {
  test("a result is read at either, and purged at the other it is gone from both", async () => {
    const s3 = await FakeS3.start();
    const instances = await Instances.start(await openRedis(), { env: s3.variables });
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
    const instances = await Instances.start(await openRedis(), { env: s3.variables });
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

describe("one host with a bucket", () => {
  const hosts: Record<string, { missing: string | null; start(env: Record<string, string>): Promise<Host> }> =
    {
      "a Worker": { missing: null, start: (env) => WorkerProcess.start({ env }) },
      "a Deno process": { missing: denoMissing, start: startDeno },
    };
  test.each(Object.keys(hosts))("%s stores and serves results there", async (name) => {
    const { missing, start } = hosts[name]!;
    if (missing !== null) return;
    const s3 = await FakeS3.start();
    const host = await start(s3.variables);
    try {
      s3.trouble(/^PUT/, { status: 503, code: "SlowDown" }, { cut: true });
      const made = await paint(host, CREATE);
      const url = made.result?.images?.[0]?.url ?? "";
      expect([...s3.objects.keys()]).toEqual([url.replace(/^.*\/v1\/media\//, "")]);
      const whole = await fetch(url);
      expect([whole.status, whole.headers.get("content-type")]).toEqual([200, "image/png"]);
      expect(await whole.bytes()).toEqual([...s3.objects.values()][0]!.bytes);
      const part = await fetch(url, { headers: { range: "bytes=1-3" } });
      expect([part.status, await part.text()]).toEqual([206, "PNG"]);
      const head = await fetch(url, { method: "HEAD" });
      expect(head.headers.get("content-length")).toBe(String([...s3.objects.values()][0]!.bytes.length));
      await host.request(`/v1/tasks/${made.taskId}?purge=true`, { method: "DELETE" });
      expect(s3.objects.size).toBe(0);
    } finally {
      await host.stop();
      await s3.stop();
    }
  });

  test("a Worker makes no thumbnails and says so", async () => {
    const worker = await WorkerProcess.start();
    try {
      const made = await paint(worker, CREATE);
      const response = await fetch(`${made.result?.images?.[0]?.url}?thumbnail=64`);
      const { error } = (await response.json()) as { error: { code: string } };
      expect([response.status, error.code]).toEqual([400, "not_supported"]);
    } finally {
      await worker.stop();
    }
  });
});

type Host = Pick<ServerProcess, "postJson" | "request"> & { stop(): Promise<unknown> };

async function startDeno(env: Record<string, string>): Promise<Host> {
  const folder = await temporaryFolder();
  const server = await ServerProcess.start({ dataDir: folder.path, command: denoCommand(), env });
  return {
    postJson: (...call) => server.postJson(...call),
    request: (...call) => server.request(...call),
    async stop() {
      await server.kill();
      await folder.remove();
    },
  };
}

/** The ended task. */
async function paint(at: Pick<ServerProcess, "postJson">, body: object): Promise<WireTask> {
  const response = await at.postJson("/v1/images/generations/async", body, { prefer: "wait=30" });
  return (await response.json()) as WireTask;
}
