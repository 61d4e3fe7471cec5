/** What stands between a caller and a provider of voice sessions: nothing, a relay, Conduit, or a peer. */

import { join } from "node:path";
import type { VoiceTarget } from "../load/voice.ts";
import type { Behaviour } from "../servers/voice-upstream.ts";
import type { BenchContext } from "./bench.ts";
import { AUTHORIZED, Conduit } from "./conduit.ts";
import { installPortkey, portkey } from "./gateway-contenders.ts";
import { installLiteLlm, startLiteLlm } from "./litellm.ts";
import { Child, LOAD_CORE, SERVER_CORE } from "./process.ts";

const SERVERS = join(import.meta.dir, "../servers");
const PROVIDER_KEY = "sk-bench-0123456789abcdef";
const MODEL = "gpt-realtime";
const GEMINI_MODEL = "gemini-3.8-live";

/** Whoever is called, with the provider behind it. */
export type VoiceContender = {
  /** The process that is measured; null: the provider is called directly. */
  server: Child | null;
  upstream: Child;
  target: VoiceTarget;
  end(): Promise<void>;
};

export type VoicePeer = "portkey" | "litellm";
export type VoiceSide = "direct" | "relay" | "conduit" | "conduit, translated" | VoicePeer;
/** The programs of the peers that are here. */
export type VoicePeers = ReadonlyMap<VoiceSide, string>;

/** Installs the peers into folders of this run when `--peers` asks for them; LiteLLM is left out, with a note, where it cannot be had. */
export async function installVoicePeers(context: BenchContext): Promise<VoicePeers> {
  const peers = new Map<VoiceSide, string>();
  if (!context.flag("peers")) return peers;
  peers.set("portkey", await installPortkey(context.temporaryFolder()));
  try {
    peers.set("litellm", await installLiteLlm(context.temporaryFolder()));
  } catch (error) {
    context.note(`without litellm: ${error instanceof Error ? error.message : String(error)}`);
  }
  return peers;
}

/** `peers`: asked for the program of a side that is one. The provider always has the load's core, so that they differ in what is between. */
export async function startVoice(
  side: VoiceSide,
  folder: string,
  peers: VoicePeers,
): Promise<VoiceContender> {
  const certificate = join(SERVERS, "voice-certificate.pem");
  const trust = { NODE_EXTRA_CA_CERTS: certificate };
  const upstream = new Child({ command: ["bun", join(SERVERS, "voice-upstream.ts")], core: LOAD_CORE });
  const { port } = await upstream.expect<{ port: number }>("ready");
  const origin = `localhost:${port}`;
  const query = `?model=${MODEL}`;
  if (side === "direct") {
    const target = { url: `wss://${origin}/v1/realtime${query}`, headers: {} };
    return { server: null, upstream, target, end: () => upstream.end() };
  }
  if (side === "relay") {
    const server = new Child({
      command: ["bun", join(SERVERS, "voice-relay.ts"), `--upstream=wss://${origin}/v1/realtime`],
      core: SERVER_CORE,
      env: trust,
    });
    const { port: own } = await server.expect<{ port: number }>("ready");
    return contender(server, upstream, own, `/v1/realtime${query}`, {});
  }
  if (side === "portkey") {
    const program = await ledTo(origin, programOf(side, peers));
    const { server, port: own } = await portkey(program, "node", folder, trust);
    return contender(server, upstream, own, `/v1/realtime${query}`, {
      authorization: `Bearer ${PROVIDER_KEY}`,
      "x-portkey-provider": "openai",
    });
  }
  if (side === "litellm") {
    const provider = { model: MODEL, origin: `https://${origin}`, key: PROVIDER_KEY, certificate };
    const { server, port: own, headers } = await startLiteLlm(programOf(side, peers), folder, provider);
    return contender(server, upstream, own, `/v1/realtime${query}`, headers);
  }
  const conduit = await Conduit.start({ folder, settings: { ...trust, ...settingsOf(origin) } });
  const model = side === "conduit" ? `openai/${MODEL}` : `gemini/${GEMINI_MODEL}`;
  const path = `/v1/realtime?model=${encodeURIComponent(model)}`;
  return contender(conduit.child, upstream, conduit.port, path, { authorization: AUTHORIZED.authorization });
}

/** Makes the provider behave so from the next session on. */
export async function behave({ upstream }: VoiceContender, as: Behaviour): Promise<void> {
  upstream.send({ type: "behave", as });
  await upstream.expect("behaving");
}

/** Callers, who trust the provider. */
export async function startCallers(): Promise<Child> {
  const child = new Child({
    command: ["bun", join(import.meta.dir, "../load/voice.ts")],
    core: LOAD_CORE,
    env: { NODE_EXTRA_CA_CERTS: join(SERVERS, "voice-certificate.pem") },
  });
  await child.expect("ready");
  return child;
}

function programOf(side: VoicePeer, peers: VoicePeers): string {
  const program = peers.get(side);
  if (program === undefined) throw new Error(`${side} is not installed`);
  return program;
}

/** Portkey's voice route knows one address of the provider, written into its program: a copy beside it has ours. */
async function ledTo(origin: string, program: string): Promise<string> {
  const copy = program.replace(/\.js$/, "-bench.js");
  const text = await Bun.file(program).text();
  await Bun.write(copy, text.replaceAll("https://api.openai.com", `https://${origin}`));
  return copy;
}

function settingsOf(origin: string): Record<string, string> {
  return {
    OPENAI_API_KEY: PROVIDER_KEY,
    GEMINI_API_KEY: PROVIDER_KEY,
    XAI_API_KEY: PROVIDER_KEY,
    CONDUITLLM__REALTIME__PROVIDERS__OPENAI__WEBSOCKETURL: `wss://${origin}/v1/realtime`,
    CONDUITLLM__REALTIME__PROVIDERS__GEMINI__WEBSOCKETURL: `wss://${origin}/ws`,
    // Nobody listens there.
    CONDUITLLM__REALTIME__PROVIDERS__XAI__WEBSOCKETURL: "wss://localhost:9/v1/realtime",
    CONDUITLLM__REALTIME__MAXCONNECTIONS: "100000",
    CONDUITLLM__REALTIME__MAXCONNECTIONSPERKEY: "100000",
  };
}

function contender(
  server: Child,
  upstream: Child,
  port: number,
  path: string,
  headers: Record<string, string>,
): VoiceContender {
  const end = async () => {
    await server.kill();
    await upstream.end();
  };
  return { server, upstream, target: { url: `ws://127.0.0.1:${port}${path}`, headers }, end };
}
