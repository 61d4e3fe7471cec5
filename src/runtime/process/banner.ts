/** What a start prints for the person who started it: where the gateway is, its keys, and lines to paste. */

import type { StartKeys } from "./keys-file.ts";

export type BannerFacts = {
  version: string;
  /** What the server listens on. */
  host: string;
  port: number;
  /** The address others reach it at, when configured. */
  publicUrl: string | null;
  keys: StartKeys;
  /** Absolute. */
  dataDirectory: string;
  /** A model that works without any provider's key. */
  model: string;
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
  const { keys, version, publicUrl, dataDirectory, model } = facts;
  const address = localAddress(facts.host, facts.port);
  const { bootstrap, admin } = keys;
  // The shell fills in a key that came from its environment.
  const authorization = `-H "authorization: Bearer ${bootstrap.configured ? `$${BOOTSTRAP_VARIABLE}` : bootstrap.plain}"`;
  const body = JSON.stringify({ model, prompt: "a fox crossing a snowy forest at night" });
  return `
  Conduit ${version} is listening on ${address}${publicUrl === null ? "" : `, public as ${publicUrl}`}

    API key     ${bootstrap.configured ? `the configured one (${BOOTSTRAP_VARIABLE})` : bootstrap.plain}
    Admin key   ${admin.configured ? `the configured one (${ADMIN_VARIABLE})` : admin.plain}
    Data        ${dataDirectory}

  Follow every task live, in one terminal:

    curl -N ${address}/v1/events ${authorization}

  Paint a picture, in another:

    curl -s ${address}/v1/images/generations/async ${authorization} -H "content-type: application/json" -d '${body}'

  Stop with Ctrl-C; accepted tasks go on at the next start.

`;
}
