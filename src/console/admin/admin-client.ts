/** The calls of an administrator, with the admin key. */

import { AuthenticationError } from "../../client/index.ts";
import { Requester } from "../../client/transport/requester.ts";
import type { WireAuditPage } from "../../protocol/audit.ts";
import type {
  ChangeKeyRequest,
  CreateKeyRequest,
  WireKey,
  WireKeyDeleted,
  WireKeyPage,
  WireNewKey,
} from "../../protocol/key.ts";
import type { WireProviderList } from "../../protocol/provider.ts";
import type { ADMIN_USAGE_GROUPS, WireUsagePage } from "../../protocol/usage.ts";

/** A key as it was read, with what says that nobody changed it since. */
export type ReadKey = { key: WireKey; etag: string | null };

export type AdminUsageQuery = {
  /** `YYYY-MM-DD` in UTC; both days are within. */
  from: string;
  to: string;
  groupBy: (typeof ADMIN_USAGE_GROUPS)[number];
};

const KEYS = "/admin/v1/keys";

export class AdminClient {
  readonly #requester: Requester;
  readonly #onRefused: (why: string) => void;

  /** `onRefused` hears of it when the gateway does not take the admin key. */
  constructor(adminKey: string, baseUrl: string, onRefused: (why: string) => void) {
    this.#requester = new Requester({ virtualKey: adminKey, baseUrl });
    this.#onRefused = onRefused;
  }

  /** A page of keys, newest first. */
  listKeys(after: string | null, signal?: AbortSignal): Promise<WireKeyPage> {
    return this.#ask("GET", KEYS, { signal, query: { limit: 100, after: after ?? undefined } });
  }

  async getKey(id: string, signal?: AbortSignal): Promise<ReadKey> {
    const { response, text } = await this.#told(this.#requester.exchange("GET", pathOf(id), { signal }));
    return { key: JSON.parse(text) as WireKey, etag: response.headers.get("etag") };
  }

  /** The answer alone holds the key's plain form. */
  createKey(body: CreateKeyRequest): Promise<WireNewKey> {
    return this.#ask("POST", KEYS, { body, creates: true });
  }

  /** Rejects with a 412 where somebody changed the key since it was read. */
  changeKey(id: string, body: ChangeKeyRequest, etag: string | null): Promise<WireKey> {
    return this.#ask("PATCH", pathOf(id), { body, headers: etag === null ? {} : { "if-match": etag } });
  }

  /** The answer alone holds the new plain form; the old one works for as long as is said. */
  rotateKey(id: string, overlapSeconds: number): Promise<WireNewKey> {
    return this.#ask("POST", `${pathOf(id)}/rotate`, { body: { overlapSeconds }, creates: true });
  }

  deleteKey(id: string): Promise<WireKeyDeleted> {
    return this.#ask("DELETE", pathOf(id), {});
  }

  /** Of one key, or of all keys together. */
  usage(keyId: string | null, query: AdminUsageQuery, signal?: AbortSignal): Promise<WireUsagePage> {
    const path = keyId === null ? "/admin/v1/usage" : `${pathOf(keyId)}/usage`;
    return this.#ask("GET", path, { signal, query });
  }

  providers(signal?: AbortSignal): Promise<WireProviderList> {
    return this.#ask("GET", "/admin/v1/providers", { signal });
  }

  /** Changes that administrators made, newest first. */
  audit(after: string | null, signal?: AbortSignal): Promise<WireAuditPage> {
    return this.#ask("GET", "/admin/v1/audit", { signal, query: { limit: 50, after: after ?? undefined } });
  }

  #ask<T>(method: string, path: string, sending: Parameters<Requester["json"]>[2]): Promise<T> {
    return this.#told(this.#requester.json<T>(method, path, sending));
  }

  /** That the admin key is refused is no reason to sign the virtual key out, so it becomes an error of another kind. */
  async #told<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      this.#onRefused(error.message);
      throw new Error(error.message, { cause: error });
    }
  }
}

function pathOf(id: string): string {
  return `${KEYS}/${encodeURIComponent(id)}`;
}
