/** The body of a rotation of a secret. It may be left out. */

import { z } from "zod";
import type { RotateSecretRequest } from "../../../protocol/webhook.ts";
import { optionalJsonBody, validBody } from "../../request/body.ts";

export const SECOND_MS = 1_000;
const MAX_OVERLAP_SECONDS = 86_400;
const overlap = `a whole number of seconds from 0 to ${MAX_OVERLAP_SECONDS}`;

export const secretRotationSchema = z.strictObject({
  overlapSeconds: z
    .int({ error: overlap })
    .min(0, overlap)
    .max(MAX_OVERLAP_SECONDS, overlap)
    .default(MAX_OVERLAP_SECONDS),
}) satisfies z.ZodType<Required<RotateSecretRequest>, RotateSecretRequest>;

export const rotationBody = optionalJsonBody;
/** How long the secret before goes on signing: a day where the body does not say. */
export const validRotation = validBody(secretRotationSchema);
