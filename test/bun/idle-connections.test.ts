/** Connections of Bun's server on which nothing happens: closed after the configured time, also behind a long wait. */

import { afterEach, expect, test } from "vitest";
import { bunProcess } from "../../src/runtime/bun/server.ts";
import type { Listening } from "../../src/runtime/process/process-host.ts";
import { RawClient } from "../fixture/raw-client.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const IDLE_SECONDS = 1;
/** Bun looks at its connections every four seconds. */
const CUT_WITHIN_MS = 12_000;

let listening: Listening | null = null;
afterEach(() => listening?.cut());

async function idleFor(settles: boolean): Promise<number> {
  const listener = bunProcess.createListener();
  const address = { host: "127.0.0.1", port: 0, idleTimeoutSeconds: IDLE_SECONDS };
  listening = listener.listen(address, async (request) => {
    if (settles) {
      listener.host.keepOpen(request);
      await Bun.sleep(10);
      listener.host.limitIdle(request);
    }
    return new Response("done");
  });
  const begun = performance.now();
  const client = await RawClient.send(`http://127.0.0.1:${listening.port}`, REQUEST);
  expect(await client.answer).toContain("done");
  return performance.now() - begun;
}

test.each([
  ["after an answer", false],
  ["after an answer that was long in coming", true],
])("an idle connection is closed %s", async (_, settles) => {
  expect(await idleFor(settles)).toBeLessThan(CUT_WITHIN_MS);
});
