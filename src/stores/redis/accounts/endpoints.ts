/** Webhook endpoints as hashes, each field a JSON text; fields of later releases are neither read nor touched. */

import {
  type EndpointPatch,
  type EndpointStore,
  MISSING_ENDPOINT_FIELDS,
  type WebhookEndpoint,
} from "../../../webhooks/endpoint-store.ts";
import type { Reply } from "../server/replies.ts";
import { listReply, readable, textOf } from "../server/replies.ts";
import type { ScriptRunner } from "../server/script-runner.ts";

const NAMES: ReadonlySet<string> = new Set(["id", "keyId", "url", ...Object.keys(MISSING_ENDPOINT_FIELDS)]);

export class RedisEndpoints implements EndpointStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async createEndpoint(endpoint: WebhookEndpoint, maxPerKey: number): Promise<boolean> {
    const { keyId, id } = endpoint;
    const fields = fieldsOf(endpoint);
    return (await this.#scripts.run("createEndpoint", keyId, id, String(maxPerKey), ...fields)) === 1;
  }

  async getEndpoint(keyId: string, id: string): Promise<WebhookEndpoint | null> {
    return readEndpoint(listReply(await this.#scripts.run("listEndpoints", keyId, id))[0] ?? []);
  }

  async listEndpoints(keyId: string): Promise<WebhookEndpoint[]> {
    const told = listReply(await this.#scripts.run("listEndpoints", keyId, ""));
    return readable(told, readEndpoint).filter((endpoint) => endpoint !== null);
  }

  async updateEndpoint(
    keyId: string,
    id: string,
    patch: EndpointPatch,
    updatedAt: number,
  ): Promise<WebhookEndpoint | null> {
    const fields = fieldsOf({ ...patch, updatedAt });
    return readEndpoint(await this.#scripts.run("updateEndpoint", keyId, id, ...fields));
  }

  async deleteEndpoint(keyId: string, id: string): Promise<boolean> {
    return (await this.#scripts.run("deleteEndpoint", keyId, id)) === 1;
  }
}

function fieldsOf(endpoint: Partial<WebhookEndpoint>): string[] {
  return Object.entries(endpoint).flatMap(([name, value]) =>
    value === undefined ? [] : [name, JSON.stringify(value)],
  );
}

function readEndpoint(reply: Reply): WebhookEndpoint | null {
  const texts = listReply(reply).map(textOf);
  if (texts.length === 0) return null;
  const endpoint: Record<string, unknown> = { ...MISSING_ENDPOINT_FIELDS };
  for (let index = 0; index < texts.length; index += 2) {
    const name = texts[index] as string;
    if (NAMES.has(name)) endpoint[name] = JSON.parse(texts[index + 1] as string);
  }
  return endpoint as WebhookEndpoint;
}
