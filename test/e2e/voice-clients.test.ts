/**
 * OpenAI's own clients, unmodified, against the started program: each completes a spoken turn, a tool call and an interruption with
 * every provider's protocol behind it. The sound is counted where the client has it.
 */

import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LOOPBACK_CERTIFICATE } from "../fixture/certificate.ts";
import { run } from "../fixture/foreign-clients.ts";
import { installPythonPackage, PYTHON_INSTALL_MS } from "../fixture/python-package.ts";
import { BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { environmentOf, startVoiceProviders, VOICE_PROVIDERS } from "../fixture/voice/providers/fakes.ts";
import { ANSWERED, SHORT_ANSWER_CHUNKS, SHORT_ANSWER_MS } from "../fixture/voice/providers/scripted-voice.ts";
import { startTlsFront, type TlsFront } from "../fixture/voice/tls-front.ts";

const NODE_PROGRAM = resolve(import.meta.dirname, "../foreign/node/talk.mjs");
const PYTHON_PROGRAM = resolve(import.meta.dirname, "../foreign/python/talk_openai.py");
/** As it was when these tests were written. */
const PYTHON_PACKAGE = "openai[realtime]==3.57.0";
const TALK_MS = 60_000;
/** The framework cancels what the user's speech has ended already, as it does with OpenAI's server. */
const HARMLESS = "response_cancel_not_active";

type Client = { name: string; program: string; argument: string; tls: boolean };
const NODE: readonly Client[] = [
  { name: "openai/realtime/ws (Node)", program: "node", argument: "ws", tls: true },
  { name: "openai/realtime/websocket (Node)", program: "node", argument: "websocket", tls: true },
  { name: "openai/realtime/websocket (Bun)", program: "bun", argument: "websocket", tls: true },
  { name: "openai/beta/realtime/ws (Node)", program: "node", argument: "beta-ws", tls: true },
  { name: "openai/beta/realtime/websocket (Bun)", program: "bun", argument: "beta-websocket", tls: true },
  { name: "@openai/agents-realtime (Node)", program: "node", argument: "agents", tls: false },
];
const PYTHON = "openai for Python";
const CLIENTS = [...NODE.map(({ name }) => name), PYTHON];
const BEHIND = [...VOICE_PROVIDERS, "local"] as const;

type Saw = {
  turn: { frames: number; ms: number; status: string; transcript: string; speech: boolean };
  tool: { name: string; args: unknown; status: string; answer: string };
  bargeIn: { speech: boolean; status: string; reason: string; next: string };
  errors: string[];
  types: string[];
  protocol?: string;
};

const providers = startVoiceProviders();
const models = { ...mapped((name) => providers[name].model), local: "local/echo" };
/** What each client saw, by model; or why it could not be had. */
const saw = new Map<string, Record<string, Saw> | { missing: string }>();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let front: TlsFront;

function mapped<T>(of: (name: (typeof VOICE_PROVIDERS)[number]) => T): Record<string, T> {
  return Object.fromEntries(VOICE_PROVIDERS.map((name) => [name, of(name)]));
}

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await ServerProcess.start({
    dataDir: folder.path,
    env: { ...environmentOf(providers), CONDUITLLM__REALTIME__MAXCONNECTIONSPERKEY: "100" },
  });
  front = await startTlsFront(Number(new URL(server.url).port));
  const authority = join(folder.path, "authority.pem");
  await writeFile(authority, LOOPBACK_CERTIFICATE);
  await Promise.all([talkByNode(authority), talkByPython()]);
}, PYTHON_INSTALL_MS * 2);
afterAll(async () => {
  await server.kill();
  front.close();
  await Promise.all(Object.values(providers).map((provider) => provider.close()));
  await folder.remove();
});

async function talkByNode(authority: string): Promise<void> {
  // Two at a time: the machine has other things to do.
  for (let at = 0; at < NODE.length; at += 2)
    await Promise.all(
      NODE.slice(at, at + 2).map(async ({ name, program, argument, tls }) => {
        const base = tls ? `https://localhost:${front.port}/v1` : `${server.url}/v1`;
        const command = ["env", `NODE_EXTRA_CA_CERTS=${authority}`, program, NODE_PROGRAM];
        saw.set(name, await talk([...command, argument, base]));
      }),
    );
}

async function talkByPython(): Promise<void> {
  const python = await installPythonPackage(PYTHON_PACKAGE, folder.path);
  if ("missing" in python) saw.set(PYTHON, python);
  else saw.set(PYTHON, await talk([python.command, PYTHON_PROGRAM, `${server.url}/v1`]));
}

async function talk(command: string[]): Promise<Record<string, Saw>> {
  const printed = await run([...command, BOOTSTRAP_KEY, ...Object.values(models)], folder.path, TALK_MS);
  const line = printed.split("\n").find((one) => one.startsWith("{"));
  return JSON.parse(line ?? "{}") as Record<string, Saw>;
}

describe.each(CLIENTS)("%s", (client) => {
  const heard = (behind: string): Saw | string => {
    const found = saw.get(client);
    if (found === undefined || "missing" in found) return String(found?.missing);
    return found[models[behind as keyof typeof models] ?? ""] as Saw;
  };

  test.for(BEHIND)("acceptance 1: is answered with all of the sound, behind it %s", (behind, { skip }) => {
    const talked = heard(behind);
    if (typeof talked === "string") return skip(talked);
    expect(talked.turn).toMatchObject({ status: "completed", speech: true });
    if (behind === "local") {
      // Half a second of speech and half a second of silence, said back.
      expect(talked.turn).toMatchObject({ frames: 10, ms: 1_000 });
      return;
    }
    expect(talked.turn).toMatchObject({ frames: SHORT_ANSWER_CHUNKS, transcript: ANSWERED });
    // A change of rate keeps a millisecond back, for what comes next.
    expect(talked.turn.ms).toBeGreaterThanOrEqual(SHORT_ANSWER_MS - 1);
    expect(talked.turn.ms).toBeLessThanOrEqual(SHORT_ANSWER_MS);
  });

  test.for(BEHIND)(
    "acceptance 2: has a text answered by a call of its tool, and the result by the voice, behind it %s",
    (behind, { skip }) => {
      const talked = heard(behind);
      if (typeof talked === "string") return skip(talked);
      expect(talked.tool).toMatchObject({ name: "weather", args: { city: "Rome" }, status: "completed" });
      expect(talked.tool.answer).toContain("sunny");
    },
  );

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

  test.for(BEHIND)(
    "acceptance 3: hears the names of its dialect, and no others, behind it %s",
    (behind, { skip }) => {
      const talked = heard(behind);
      if (typeof talked === "string") return skip(talked);
      const own = ["response.audio.delta", "response.audio_transcript.done", "conversation.item.created"];
      const ours = ["response.output_audio.delta", "response.output_audio_transcript.done"];
      const [spoken, foreign] = client.includes("beta") ? [own, ours] : [ours, own];
      expect(talked.types).toEqual(expect.arrayContaining(spoken));
      expect(talked.types.filter((type) => foreign.includes(type))).toEqual([]);
    },
  );
});

describe("acceptance 4", () => {
  test.each(NODE.filter(({ argument }) => argument.endsWith("websocket")))(
    "$name gets `realtime` back, and not its key",
    ({ name }) => {
      const talked = saw.get(name) as Record<string, Saw>;
      expect(Object.values(talked).map(({ protocol }) => protocol)).toEqual(BEHIND.map(() => "realtime"));
    },
  );
});

test.each(VOICE_PROVIDERS)("nothing was sent to %s that its service would refuse", (name) => {
  const faults = providers[name].faults.filter((fault) => fault !== HARMLESS);
  expect(faults).toEqual([]);
  expect(providers[name].received.length).toBeGreaterThan(20);
});
