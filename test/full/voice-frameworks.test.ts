/**
 * Frameworks for voice agents in Python, unmodified but for their base URL, against the started program: each has a spoken turn, a
 * tool call and an interruption with every provider's protocol behind it. They weigh some 500 MB each.
 */

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../fixture/foreign-clients.ts";
import { installPythonPackage } from "../fixture/python-package.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { environmentOf, startVoiceProviders, VOICE_PROVIDERS } from "../fixture/voice/providers/fakes.ts";
import { ANSWERED, SHORT_ANSWER_CHUNKS, SHORT_ANSWER_MS } from "../fixture/voice/providers/scripted-voice.ts";

const PROGRAMS = resolve(import.meta.dirname, "../foreign/python");
/** As they were when these tests were written. */
const FRAMEWORKS = {
  "livekit-agents": { program: "talk_livekit.py", library: "livekit-plugins-openai==1.8.9" },
  "pipecat-ai": { program: "talk_pipecat.py", library: "pipecat-ai[openai]==1.14.0" },
} as const;
const BEHIND = [...VOICE_PROVIDERS, "local"] as const;
const INSTALL_MS = 300_000;
const TALK_MS = 120_000;
/** The frameworks cancel what the user's speech has ended already, as they do with OpenAI's server. */
const HARMLESS = "response_cancel_not_active";

type Saw = {
  turn: { frames: number; ms: number; status: string; transcript: string; speech: boolean };
  tool: { name: string; args: unknown; answer: string };
  bargeIn: { speech: boolean; status: string; reason: string; next: string };
  errors: string[];
};

const providers = startVoiceProviders();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await ServerProcess.start({
    dataDir: folder.path,
    env: { ...environmentOf(providers), CONDUITLLM__REALTIME__MAXCONNECTIONSPERKEY: "100" },
  });
});
afterAll(async () => {
  await server.kill();
  await Promise.all(Object.values(providers).map((provider) => provider.close()));
  // A gigabyte of packages.
  await folder.remove();
}, INSTALL_MS);

const modelBehind = (behind: (typeof BEHIND)[number]) =>
  behind === "local" ? "local/echo" : providers[behind].model;

describe.each(Object.entries(FRAMEWORKS))("%s", (name, { program, library }) => {
  let saw: Record<string, Saw> | { missing: string };

  beforeAll(
    async () => {
      const place = join(folder.path, name);
      await mkdir(place);
      const python = await installPythonPackage(library, place, INSTALL_MS);
      if ("missing" in python) {
        saw = python;
        return;
      }
      const models = BEHIND.map(modelBehind);
      const command = ["env", "LOGURU_LEVEL=ERROR", python.command, join(PROGRAMS, program)];
      const printed = await run([...command, `${server.url}/v1`, BOOTSTRAP_KEY, ...models], place, TALK_MS);
      const line = printed.split("\n").find((one) => one.startsWith("{"));
      saw = JSON.parse(line ?? "{}") as Record<string, Saw>;
    },
    2 * INSTALL_MS + TALK_MS,
  );

  const heard = (behind: (typeof BEHIND)[number]): Saw | string =>
    "missing" in saw ? String(saw.missing) : (saw[modelBehind(behind)] as Saw);

  test.for(BEHIND)("is answered with all of the sound, behind it %s", (behind, { skip }) => {
    const talked = heard(behind);
    if (typeof talked === "string") return skip(talked);
    expect(talked.turn).toMatchObject({ status: "completed", speech: true, frames: SHORT_ANSWER_CHUNKS });
    if (behind === "local") {
      // Half a second of speech and half a second of silence, said back.
      expect(talked.turn.ms).toBe(1_000);
      return;
    }
    expect(talked.turn.transcript).toBe(ANSWERED);
    // A change of rate keeps a millisecond back, for what comes next.
    expect(talked.turn.ms).toBeGreaterThanOrEqual(SHORT_ANSWER_MS - 1);
    expect(talked.turn.ms).toBeLessThanOrEqual(SHORT_ANSWER_MS);
  });

  test.for(BEHIND)("has its tool called and the result answered, behind it %s", (behind, { skip }) => {
    const talked = heard(behind);
    if (typeof talked === "string") return skip(talked);
    expect(talked.tool).toMatchObject({ name: "weather", args: { city: "Rome" } });
    expect(talked.tool.answer).toContain("sunny");
  });

  test.for(BEHIND)("interrupts an answer and gets the next one, behind it %s", (behind, { skip }) => {
    const talked = heard(behind);
    if (typeof talked === "string") return skip(talked);
    expect(talked.bargeIn).toEqual({
      speech: true,
      status: "cancelled",
      reason: "turn_detected",
      next: "completed",
    });
    expect(talked.errors.filter((error) => !error.includes(HARMLESS))).toEqual([]);
  });
});

test.each(VOICE_PROVIDERS)("nothing was sent to %s that its service would refuse", (name) => {
  expect(providers[name].faults.filter((fault) => fault !== HARMLESS)).toEqual([]);
});
