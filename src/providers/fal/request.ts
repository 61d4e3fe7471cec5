/** References to a request in fal's queue: the addresses it answered, as far as they are its own. */

import type { Json } from "../../protocol/task.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import { type CallContext, permanent, unusableAnswer } from "../upstream/calls/failures.ts";
import { isOwnAddress } from "../upstream/calls/own-address.ts";
import { UpstreamError } from "../upstream/calls/upstream-error.ts";

/** Where a request is asked for; paths below the base URL's origin, or whole addresses at another host of fal's. */
export type QueuedRequest = { readonly status: string; readonly response: string; readonly cancel: string };

/** Where the key may be sent besides the base URL. */
const OWN_HOSTS = ["fal.run"];

/**
 * Reads the answer to a submit. The addresses are kept as they come: those of status and result lack a part of the model's path
 * that the submit had. Throws `UpstreamError` for an answer without them, or with others than fal's.
 */
export function queuedRequest(answer: unknown, baseUrl: string, context: CallContext): QueuedRequest {
  const fields = isRecord(answer) ? answer : {};
  const address = (name: string): string => {
    const url = fields[name];
    if (typeof url === "string" && isOwnAddress(url, baseUrl, OWN_HOSTS)) return shortened(url, baseUrl);
    throw new UpstreamError(unusableAnswer("no address of its own at which the job is asked for", context));
  };
  return { status: address("status_url"), response: address("response_url"), cancel: address("cancel_url") };
}

/** Reads a reference that was stored. Throws `UpstreamError` for what is none. */
export function requestOf(ref: Json): QueuedRequest {
  if (isRecord(ref)) {
    const { status, response, cancel } = ref;
    if (typeof status === "string" && typeof response === "string" && typeof cancel === "string")
      return { status, response, cancel };
  }
  throw new UpstreamError(permanent("provider_error", "The job's reference was lost."));
}

/** The address behind a reference. */
export function addressOf(reference: string, baseUrl: string): string {
  return reference.startsWith("/") ? new URL(baseUrl).origin + reference : reference;
}

function shortened(url: string, baseUrl: string): string {
  const { origin, pathname, search } = new URL(url);
  return origin === new URL(baseUrl).origin ? pathname + search : url;
}
