/** What a start prints for the person who started it: where the gateway is, its keys, and lines to paste. */

import { isLoopbackHost } from "../../config/derived-defaults.ts";
import type { StartKey, StartKeys } from "./data/keys-file.ts";

export type BannerFacts = {
  version: string;
  /** What the server listens on. */
  host: string;
  port: number;
  /** The address others reach it at, when configured. */
  publicUrl: string | null;
  keys: StartKeys;
  /** Absolute: where keys are that were made. */
  keysFile: string;
  /** Absolute. */
  dataDirectory: string;
  /** A model that works without any provider's key. */
  model: string;
  /** Whether the console can be opened. */
  console: boolean;
  /** Whether a person reads it, on a terminal: keys are printed nowhere else. */
  terminal: boolean;
};

const EVERY_ADDRESS = new Set(["0.0.0.0", "::"]);
const BOOTSTRAP_VARIABLE = "CONDUIT_BOOTSTRAP_KEY";
const ADMIN_VARIABLE = "CONDUIT_ADMIN_KEY";

/** The address a person on this machine can use. */
export function localAddress(host: string, port: number): string {
  const name = EVERY_ADDRESS.has(host) ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

/** The text of the banner, newline at its end. Keys that the operator configured are not repeated in it. */
export function banner(facts: BannerFacts): string {
  const { version, host, port, publicUrl, keys, keysFile, dataDirectory } = facts;
  const published = publicUrl === null ? "" : `, public as ${publicUrl}`;
  // What a container or a service manager records is read by more people than may have the keys.
  const shown = ({ plain, configured }: StartKey, variable: string, name: string) => {
    if (configured) return `the configured one (${variable})`;
    return facts.terminal ? plain : `${name} in ${keysFile}`;
  };
  return `
  Conduit ${version} is listening on ${listensOn(host, port)}${published}
${isLoopbackHost(host) ? "" : "  Other machines can reach it. HOST=127.0.0.1 keeps it to this one.\n"}
    API key     ${shown(keys.bootstrap, BOOTSTRAP_VARIABLE, "bootstrapKey")}
    Admin key   ${shown(keys.admin, ADMIN_VARIABLE, "adminKey")}
    Data        ${dataDirectory}

${facts.terminal ? linesToPaste(facts) : ""}`;
}

function listensOn(host: string, port: number): string {
  const local = localAddress(host, port);
  if (!EVERY_ADDRESS.has(host)) return local;
  return `every address of this machine (HOST=${host}), port ${port}; from here ${local}`;
}

function linesToPaste({ host, port, keys, model, console }: BannerFacts): string {
  const address = localAddress(host, port);
  const { bootstrap } = keys;
  // The shell fills in a key that came from its environment.
  const authorization = `-H "authorization: Bearer ${bootstrap.configured ? `$${BOOTSTRAP_VARIABLE}` : bootstrap.plain}"`;
  const body = JSON.stringify({ model, prompt: "a fox crossing a snowy forest at night" });
  // What stands behind the # reaches no server and no log.
  const fragment = bootstrap.configured ? "" : `#key=${bootstrap.plain}`;
  const opened = console ? `  Open the console in a browser:\n\n    ${address}/${fragment}\n\n` : "";
  return `${opened}  Follow every task live, in one terminal:

    curl -N ${address}/v1/events ${authorization}

  Paint a picture, in another:

    curl -s ${address}/v1/images/generations/async ${authorization} -H "content-type: application/json" -d '${body}'

  Stop with Ctrl-C; accepted tasks go on at the next start.

`;
}
