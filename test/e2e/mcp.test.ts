/** The Model Context Protocol of the started program under Bun. */

import { expect, test } from "vitest";
import { mcpContract } from "../contract/mcp.ts";
import { connectMcp, rpc, taskSession } from "../fixture/mcp-client.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";

mcpContract({
  name: "the program under Bun",
  async open() {
    const folder = await temporaryFolder();
    const server = await ServerProcess.start({
      dataDir: folder.path,
      // Tests leave tasks unfinished, which must not stand in the way of others.
      env: { CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "500" },
    });
    return {
      url: server.url,
      key: BOOTSTRAP_KEY,
      adminKey: ADMIN_KEY,
      async close() {
        await server.kill();
        await folder.remove();
      },
    };
  },
});

test("a task that a killed process began is followed to its end at the next one", async () => {
  const folder = await temporaryFolder();
  try {
    const first = await ServerProcess.start({ dataDir: folder.path });
    const begun = await rpc({ url: first.url, key: BOOTSTRAP_KEY }, "tools/call", {
      name: "generate_image",
      arguments: {
        model: "local/canvas",
        prompt: "a fox",
        size: "64x64",
        provider_options: { steps: 5, step_ms: 100 },
      },
    });
    await first.kill();
    const second = await ServerProcess.start({ dataDir: folder.path });
    const at = { url: second.url, key: BOOTSTRAP_KEY };
    const session = taskSession(await connectMcp(at), at);
    const task = session.task(String(begun.result?.taskId) as Parameters<typeof session.task>[0]);
    expect(await task.result()).toMatchObject({
      status: "completed",
      result: { structuredContent: { status: "completed", media: [{ mimeType: "image/png" }] } },
    });
    await session.close();
    await second.kill();
  } finally {
    await folder.remove();
  }
}, 30_000);
