/** LiteLLM's proxy as a peer of the voice benches: a Python program, installed into a virtual environment of one run. */

import { join } from "node:path";
import { awaitAnswer } from "./gateway-contenders.ts";
import { hasProgram } from "./machine.ts";
import { Child, SERVER_CORE } from "./process.ts";
import { freePort } from "./redis.ts";

const VERSION = "1.108.7";
const PACKAGE = `litellm[proxy]==${VERSION}`;
const PYTHON = "python3";
/** The package brings more than a hundred others with it. */
const INSTALL_MS = 10 * 60_000;
/** Alone on a core it needs about 10 s. */
const START_MS = 90_000;
const PRINTED_CHARACTERS = 300;
const CALLER_KEY = "sk-bench-litellm";

/** Where the one model of the proxy is, and how it is asked for. */
export type LiteLlmUpstream = {
  model: string;
  /** Without a path: the voice route puts its own behind it. */
  origin: string;
  key: string;
  /** A PEM file that is trusted, and nothing besides it. */
  certificate: string;
};

/**
 * Installs the peer into a folder; it is no package of ours.
 *
 * @returns the proxy's program
 * @throws Error that says what is absent: Python, its `venv`, or the package
 */
export async function installLiteLlm(folder: string): Promise<string> {
  if (!hasProgram(PYTHON)) throw new Error(`${PYTHON} is missing`);
  const environment = join(folder, "venv");
  await run([PYTHON, "-m", "venv", environment]);
  await run([join(environment, "bin/python"), "-m", "pip", "install", "--quiet", "--retries=1", PACKAGE]);
  return join(environment, "bin/litellm");
}

/** The proxy with one process, without a database; a caller needs `headers`. */
export async function startLiteLlm(
  program: string,
  folder: string,
  upstream: LiteLlmUpstream,
): Promise<{ server: Child; port: number; headers: Record<string, string> }> {
  const port = freePort();
  const config = join(folder, "litellm.yaml");
  // JSON is YAML.
  await Bun.write(config, JSON.stringify(configOf(upstream)));
  const server = new Child({
    command: [
      ...[program, "--config", config, "--host", "127.0.0.1", "--port", String(port)],
      ...["--num_workers", "1", "--telemetry", "False"],
    ],
    core: SERVER_CORE,
    cwd: folder,
    outputTo: join(folder, "litellm.log"),
    env: {
      SSL_CERT_FILE: upstream.certificate,
      // Neither a file of settings nor a database of whoever runs the bench, nor prices from the network.
      LITELLM_MODE: "PRODUCTION",
      DATABASE_URL: undefined,
      LITELLM_LOCAL_MODEL_COST_MAP: "True",
      LITELLM_LOG: "ERROR",
    },
  });
  await awaitAnswer(server, port, `LiteLLM ${VERSION}`, START_MS);
  return { server, port, headers: { authorization: `Bearer ${CALLER_KEY}` } };
}

function configOf({ model, origin, key }: LiteLlmUpstream): object {
  return {
    model_list: [
      {
        model_name: model,
        litellm_params: { model: `openai/${model}`, api_base: origin, api_key: key },
        model_info: { mode: "realtime" },
      },
    ],
    general_settings: { master_key: CALLER_KEY },
  };
}

async function run(command: string[]): Promise<void> {
  const child = Bun.spawn(command, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: INSTALL_MS,
    killSignal: "SIGKILL",
  });
  const printed = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0)
    throw new Error(`\`${command.join(" ")}\` failed: ${printed.join("").trim().slice(-PRINTED_CHARACTERS)}`);
}
