/** Deliveries of webhooks, and the secrets that sign a key's own. See scripts/parts/work/deliveries.lua. */

import type {
  Delivery,
  DeliveryCounts,
  DeliveryPage,
  DeliveryQuery,
  DeliveryStatus,
  DeliveryStore,
  OpenDelivery,
} from "../../webhooks/delivery-store.ts";
import type { SecretStore, SigningSecret } from "../../webhooks/secret-store.ts";
import { listReply, numberOf, type Reply, readable, textOf } from "./server/replies.ts";
import type { ScriptRunner } from "./server/script-runner.ts";

export class RedisDeliveries implements DeliveryStore, SecretStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async openDelivery(id: string): Promise<OpenDelivery | null> {
    const reply = await this.#scripts.run("openDelivery", id);
    if (reply === null) return null;
    const [fields, enabled, secrets] = listReply(reply);
    return {
      delivery: deliveryOf(id, fields),
      enabled: numberOf(enabled) === 1,
      secrets: secretsOf(secrets),
    };
  }

  async listDeliveries(
    keyId: string | null,
    { status, endpointId = "", limit, after = "" }: DeliveryQuery,
  ): Promise<DeliveryPage> {
    const asked = [keyId ?? "", endpointId, status ?? "", String(limit + 1), after];
    const reply = await this.#scripts.run("listDeliveries", ...asked);
    const found = listReply(reply);
    return { deliveries: deliveriesOf(found.slice(0, limit)), hasMore: found.length > limit };
  }

  async taskDeliveries(taskId: string): Promise<Delivery[]> {
    const found = deliveriesOf(listReply(await this.#scripts.run("taskDeliveries", taskId)));
    return found.sort((a, b) => b.seq - a.seq || (a.id < b.id ? 1 : -1));
  }

  async replayDelivery(keyId: string | null, id: string): Promise<Delivery | null> {
    const reply = await this.#scripts.run("replayDelivery", keyId ?? "", id);
    return reply === null ? null : deliveryOf(id, reply);
  }

  async countDeliveries(): Promise<DeliveryCounts> {
    const [pending, dead] = listReply(await this.#scripts.run("countDeliveries")).map(numberOf);
    return { pending: pending ?? 0, dead: dead ?? 0 };
  }

  async signingSecrets(keyId: string): Promise<SigningSecret[]> {
    return secretsOf(await this.#scripts.run("getSecrets", keyId));
  }

  async setSigningSecrets(
    keyId: string,
    secrets: readonly SigningSecret[],
    expected: string | null,
  ): Promise<boolean> {
    return (await this.#scripts.run("setSecrets", keyId, expected ?? "", JSON.stringify(secrets))) === 1;
  }
}

/** Those that can be read. */
function deliveriesOf(found: readonly Reply[]): Delivery[] {
  return readable(found, (reply) => {
    const [id, fields] = listReply(reply);
    return deliveryOf(textOf(id), fields);
  });
}

/** Throws where something in it cannot be read. */
function deliveryOf(id: string, reply: Reply | undefined): Delivery {
  const texts = listReply(reply).map(textOf);
  const fields = new Map<string, string>();
  for (let index = 0; index < texts.length; index += 2)
    fields.set(texts[index] as string, texts[index + 1] as string);
  const text = (name: string): string => fields.get(name) ?? "";
  const attempts = text("attempts");
  return {
    id,
    keyId: text("keyId"),
    subject: text("subject"),
    taskId: text("taskId") || null,
    endpointId: text("endpointId") || null,
    url: text("url"),
    headers: JSON.parse(text("headers")) as Delivery["headers"],
    type: text("type"),
    seq: Number(text("seq")),
    at: Number(text("at")),
    body: JSON.parse(text("body")) as Delivery["body"],
    status: text("status") as DeliveryStatus,
    attempts: attempts === "" ? [] : attempts.split("\n").map((line) => JSON.parse(line)),
    nextAttemptAt: text("nextAt") === "" ? null : Number(text("nextAt")),
  };
}

function secretsOf(reply: Reply | undefined): SigningSecret[] {
  const text = textOf(reply ?? "");
  return text === "" ? [] : (JSON.parse(text) as SigningSecret[]);
}
