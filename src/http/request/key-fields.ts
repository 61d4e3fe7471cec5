/** Fields that say what a key may do and how long it lives, of virtual and of ephemeral keys. */

import { z } from "zod";
import { MAX_TTL_SECONDS, MIN_TTL_SECONDS } from "../../accounts/ephemeral/ephemeral-keys.ts";

const MAX_MODELS = 200;
const MAX_MODEL_CHARACTERS = 200;
const MAX_SUBJECT_CHARACTERS = 128;

const models = `a list of at most ${MAX_MODELS} model names, with * allowed at the end of each`;
const ttl = `a whole number of seconds from ${MIN_TTL_SECONDS} to ${MAX_TTL_SECONDS}`;
const subject = `a text of 1 to ${MAX_SUBJECT_CHARACTERS} characters without control characters`;
const flag = z.boolean({ error: "true or false" });

export const modelPatternsField = z
  .array(
    z
      .string({ error: models })
      .regex(/^[^*\p{Cc}]*\*?$/u, models)
      .min(1, models)
      .max(MAX_MODEL_CHARACTERS, models),
    { error: models },
  )
  .max(MAX_MODELS, models);

export const permissionsField = z.strictObject(
  {
    canGenerateImages: flag.optional(),
    canGenerateVideos: flag.optional(),
    canUseRealtimeAudio: flag.optional(),
  },
  { error: "an object of permissions" },
);

/** For how long an ephemeral key is valid, seconds. */
export const ttlField = z.int({ error: ttl }).min(MIN_TTL_SECONDS, ttl).max(MAX_TTL_SECONDS, ttl);

export const subjectField = z
  .string({ error: subject })
  .min(1, subject)
  .max(MAX_SUBJECT_CHARACTERS, subject)
  .refine((text) => text.isWellFormed() && /^\P{Cc}*$/u.test(text), { error: subject })
  .meta({ pattern: "^\\P{Cc}*$" });
