/** The hubs of the started program, under whatever runtime: with its own painter, and up to its end. */

import { describe, expect, test } from "vitest";
import { BareClient } from "../fixture/bare-client.ts";
import { PollClient } from "../fixture/poll-client.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { buildClient, Calls } from "../fixture/signalr-client.ts";

/** `command` starts the program; default: under Bun. */
export function hubProgramContract({ name, command }: { name: string; command?: readonly string[] }): void {
  const program = command === undefined ? {} : { command };

  describe(`hubs of the program ${name}`, () => {
    test("sees a picture through to its end, for Microsoft's client and for a bare one", async () => {
      const folder = await temporaryFolder();
      const server = await ServerProcess.start({ dataDir: folder.path, ...program });
      const hub = `${server.url}/hubs/image-generation`;
      const body = { prompt: "a lake", model: "local/canvas", size: "64x64" };
      const accepted = await server.postJson("/v1/images/generations/async", body);
      const { taskId } = (await accepted.json()) as { taskId: string };
      const connection = buildClient(hub, { key: BOOTSTRAP_KEY });
      await connection.start();
      await connection.invoke("SubscribeToTask", taskId);
      const calls = new Calls(connection, "TaskCompleted");
      const bare = await BareClient.negotiate(server.url, "image-generation", BOOTSTRAP_KEY);
      await bare.opened;
      bare.send({ type: 1, target: "SubscribeToTask", arguments: [taskId] });
      const [, result] = (await calls.next("TaskCompleted")) as [string, { image_url: string }];
      expect((await bare.until(({ target }) => target === "TaskCompleted")).arguments).toEqual([
        taskId,
        result,
      ]);
      expect((await fetch(result.image_url)).headers.get("content-type")).toBe("image/png");
      // Both are still there: the program ends their connections, and then itself.
      const closed = new Promise((resolve) => connection.onclose(resolve));
      expect(await server.stop()).toBe(0);
      await closed;
      expect((await bare.ended).code).toBe(1001);
      expect(server.output).not.toContain("access_token");
      await folder.remove();
    }, 20_000);

    test("clients that poll are told of a graceful stop, over whatever connections they come", async () => {
      const folder = await temporaryFolder();
      const server = await ServerProcess.start({ dataDir: folder.path, ...program });
      try {
        // What runs keeps the program for a moment, in which polls come and go.
        const body = {
          prompt: "a lake",
          model: "local/canvas",
          size: "64x64",
          provider_options: { steps: 10, step_ms: 200 },
        };
        const accepted = await server.postJson("/v1/images/generations/async", body);
        const { taskId } = (await accepted.json()) as { taskId: string };
        const prompt = await PollClient.open(server.url, "image-generation", BOOTSTRAP_KEY);
        await prompt.say({ type: 1, target: "SubscribeToTask", arguments: [taskId], invocationId: "1" });
        const slow = await PollClient.open(server.url, "tasks", BOOTSTRAP_KEY);
        const polled = [prompt.pollToTheEnd(0), slow.pollToTheEnd(300)];
        await prompt.until('"TaskProgress"');
        const stopped = server.stop("SIGTERM");
        await server.printed(/"stopping"/);
        const refused = await server.postJson("/v1/images/generations/async", body);
        expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
        expect((await server.request(`/v1/tasks/${taskId}`)).status).toBe(200);
        for (const { statuses, text } of await Promise.all(polled)) {
          expect(statuses.at(-1)).toBe(204);
          expect(text.endsWith('{"type":7,"allowReconnect":true}\x1e')).toBe(true);
        }
        expect(await stopped).toBe(0);
      } finally {
        await server.kill();
        await folder.remove();
      }
    }, 20_000);
  });
}
