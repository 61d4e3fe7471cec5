/** What fal's refusals mean, of a call and of a job that ended with one. */

import type { Failure } from "../../tasks/ports/media-provider.ts";
import { isRecord } from "../upstream/calls/error-text.ts";
import { contentRefused, ofEndedJob, outOfQuota, permanent, reason } from "../upstream/calls/failures.ts";
import type { Dialect } from "../upstream/calls/upstream-client.ts";

const CONTENT_TYPE = "content_policy_violation";
/** An account without money is locked. */
const LOCKED = /exhausted balance|user is locked/i;
/** Whose limit it was that a request reached before it began. */
const TIMEOUT_TYPE = "x-fal-request-timeout-type";

/** Of any call. */
export const falDialect: Dialect = ({ status, report, body, headers }, context) => {
  const { provider } = context;
  if (report.type === CONTENT_TYPE || report.code === CONTENT_TYPE || isContent(body))
    return contentRefused(context, report);
  if (status === 403 && LOCKED.test(report.message)) return outOfQuota(context);
  if (status === 504 && headers.get(TIMEOUT_TYPE) === "user")
    return permanent("timeout", `${provider} did not begin within the time the request allowed.`);
  return null;
};

/**
 * Of the call for a finished job's result, where the refusal is the model's own and ends the job. What fal itself refuses - a
 * gateway that is down, a limit, the account - says nothing of the job: null leaves it to the table of all calls.
 */
export const falResultDialect: Dialect = (refusal, context) => {
  const { status, report, body } = refusal;
  const known = falDialect(refusal, context);
  if (known !== null) return known.kind === "content_policy" ? ofEndedJob(known) : known;
  const isOfModel = isRecord(body) && body.detail !== undefined;
  if (status === 422)
    return ofEndedJob(
      permanent(
        "invalid_request",
        `${context.provider} refused the request${reason(report, context)}. Change the request; sending it again gives the same.`,
      ),
    );
  if ((status === 500 || status === 400 || status === 404) && isOfModel)
    return ofEndedJob(modelFailed(reason(report, context), context.provider));
  return null;
};

function modelFailed(told: string, provider: string): Failure {
  return permanent("provider_error", `The model failed at ${provider}${told}.`);
}

/** Any of several faults. */
function isContent(body: unknown): boolean {
  const detail = isRecord(body) ? body.detail : null;
  return Array.isArray(detail) && detail.some((fault) => isRecord(fault) && fault.type === CONTENT_TYPE);
}
