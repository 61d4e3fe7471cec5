/** One client, one connection, a thousand tasks. */

import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type HubServer, startHubServer } from "../../fixture/hub-server.ts";
import { type ProviderCall, pictures } from "../../fixture/scripted-provider.ts";
import type { FollowingReport } from "../../fixture/thousand-follower.ts";

const TASKS = 1_000;
const MOST_BYTES = 20_000_000;
const PROGRAM = join(import.meta.dirname, "../../fixture/thousand-follower.ts");

let server: HubServer;
beforeAll(async () => {
  server = await startHubServer({
    env: {
      // A second connection would be refused, and the tasks followed in another way.
      CONDUITLLM__HUBS__MAXCONNECTIONSPERKEY: "1",
      CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: String(TASKS),
    },
  });
});
afterAll(() => server.close());

test("a thousand tasks are followed over one connection, in less than 20 MB", async () => {
  const calls: ProviderCall[] = [];
  server.provider.each((call) => calls.push(call));
  const ids: string[] = [];
  while (ids.length < TASKS)
    ids.push(...(await Promise.all(Array.from({ length: 50 }, () => server.submit()))));
  const child = Bun.spawn([process.execPath, PROGRAM, server.url, server.key], {
    stdin: new Blob([ids.join("\n")]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const lines: string[] = [];
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    lines.push(...decoder.decode(chunk, { stream: true }).split("\n").filter(Boolean));
    if (lines.length > 1) break;
    while (calls.length < TASKS) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const call of calls) call.io.progress(50, "painting");
    for (const call of calls) call.answer(pictures());
  }
  if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text());
  const report = JSON.parse(lines[1] ?? "null") as FollowingReport;
  expect(report).toMatchObject({ transport: "hub", ended: TASKS });
  // Of each task its state when it was subscribed.
  expect(report.progress).toBeGreaterThanOrEqual(TASKS);
  expect(report.followingBytes).toBeLessThan(MOST_BYTES);
  expect(report.endedBytes).toBeLessThan(MOST_BYTES);
}, 120_000);
