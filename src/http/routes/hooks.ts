/**
 * `/v1/hooks/{provider}/{token}`: where providers say that something happened to a job. They take no key: the address is
 * unguessable, and where a provider signs its calls they are verified. A call is a hint and nothing more: it makes the
 * task's next poll due now, and what is true is asked of the provider.
 */

import type { Hono } from "hono";
import { ApiError } from "../../protocol/error.ts";
import type { HookAddresses } from "../../tasks/hook-addresses.ts";
import type { Log } from "../../tasks/ports/log.ts";
import type { MediaProvider } from "../../tasks/ports/media-provider.ts";
import type { TaskService } from "../../tasks/service.ts";
import type { HttpContext, HttpEnv } from "../exchange.ts";
import { boundedBytes } from "../request/body.ts";
import { HOOKS_PREFIX } from "../request/path.ts";

export type HookRouteDependencies = {
  readonly addresses: Pick<HookAddresses, "taskOf">;
  readonly providers: ReadonlyMap<string, MediaProvider>;
  readonly tasks: Pick<TaskService, "hint">;
  readonly log: Log;
};

/** Some providers send the whole result along. A larger call is refused; the next poll comes all the same. */
const MAX_HOOK_BYTES = 1_048_576;
/** A provider that could not be asked for its keys can soon. */
const RETRY_SECONDS = 30;

export function mountHooks(app: Hono<HttpEnv>, dependencies: HookRouteDependencies): void {
  app.post(`${HOOKS_PREFIX}:provider/:token`, (c) =>
    takeCall(c, c.req.param("provider"), c.req.param("token"), dependencies),
  );
}

async function takeCall(
  c: HttpContext,
  name: string,
  token: string,
  { addresses, providers, tasks, log }: HookRouteDependencies,
): Promise<Response> {
  const provider = providers.get(name);
  // Before anything is read: a caller that knows no address costs nothing.
  const taskId = await addresses.taskOf(name, token);
  if (provider?.hook === undefined || taskId === null)
    throw new ApiError("not_found", "There is nothing at this address.");
  c.get("exchange").taskId = taskId;
  const body = await boundedBytes(c.req.raw, MAX_HOOK_BYTES);
  if (body === null) throw new ApiError("invalid_json", "The body broke off before its end.");
  const { headers, signal } = c.req.raw;
  const verdict = await provider.hook({ headers, body: new Uint8Array(body), signal });
  switch (verdict.kind) {
    case "reply":
      return c.json(verdict.body);
    case "hint":
      await tasks.hint(taskId);
      return c.json({});
    case "refused":
      log.warn("a provider's call was refused: its signature does not hold", { provider: name, taskId });
      throw new ApiError("invalid_signature", "The signature does not hold for this call.");
    case "unknown":
      throw new ApiError("provider_unavailable", "The call cannot be verified now. Send it again later.", {
        retryAfterSeconds: RETRY_SECONDS,
      });
  }
}
