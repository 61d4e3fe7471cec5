/** Calls to MiniMax's API in the name of an account. */

import type { Clock } from "../../tasks/ports/clock.ts";
import type { StepIo } from "../../tasks/ports/media-provider.ts";
import type { Account } from "../upstream/calls/account.ts";
import { type Fetch, type UpstreamAnswer, UpstreamClient } from "../upstream/calls/upstream-client.ts";
import { jsonWithFiles } from "../upstream/requests/json-with-files.ts";
import { miniMaxDialect } from "./dialect.ts";

/** `path` begins with the version; calls throw `UpstreamError`. */
export type MiniMaxCalls = {
  /** Starts work that is paid for. */
  post(path: string, body: unknown, account: Account, io: Pick<StepIo, "signal">): Promise<UpstreamAnswer>;
  get(path: string, account: Account, io: Pick<StepIo, "signal">): Promise<UpstreamAnswer>;
};

export function createCalls(provider: string, host: { fetch: Fetch; clock: Clock }): MiniMaxCalls {
  const client = new UpstreamClient({ provider, ...host, dialect: miniMaxDialect });
  const urlOf = ({ baseUrl }: Account, path: string) => `${baseUrl.replace(/\/v[12]$/, "")}${path}`;
  return {
    post: async (path, body, account, { signal }) =>
      client.call({
        method: "POST",
        url: urlOf(account, path),
        headers: { authorization: `Bearer ${account.key}`, "content-type": "application/json" },
        body: await jsonWithFiles(body),
        signal,
        startsWork: true,
        secrets: [account.key],
      }),
    get: (path, account, { signal }) =>
      client.call({
        method: "GET",
        url: urlOf(account, path),
        headers: { authorization: `Bearer ${account.key}` },
        signal,
        secrets: [account.key],
      }),
  };
}
