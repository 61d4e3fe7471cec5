/** Models, prices and providers as they are answered. */

import { z } from "zod";
import type {
  InputRule,
  JsonSchema,
  ModelCapabilities,
  WireAdminModelList,
  WireEstimate,
  WireModel,
  WireModelList,
  WireRate,
  WireVoiceModel,
} from "../../../protocol/model.ts";
import type { WireAccount, WireProvider, WireProviderList } from "../../../protocol/provider.ts";
import { TASK_TYPES } from "../../../protocol/task.ts";
import { about, dollarsOf, named, type Shape } from "../shape.ts";
import { taskErrorCode } from "./tasks.ts";

const words = z.array(z.string());
const sizes = named(
  "SizeRule",
  "Sizes that a model makes.",
  z.union([
    z.object({ kind: z.literal("listed"), sizes: words }),
    z.object({
      kind: z.literal("range"),
      minSide: z.int(),
      maxSide: z.int(),
      multipleOf: z.int(),
      maxRatio: about("The longer side against the shorter; absent: no limit.", z.number().exactOptional()),
      maxPixels: about("Of both sides together; absent: no limit.", z.number().exactOptional()),
      default: z.string(),
    }),
  ]),
);
const numbers = named(
  "NumberRule",
  "Numbers that a model takes.",
  z.union([
    z.object({ kind: z.literal("listed"), values: z.array(z.number()), default: z.number() }),
    z.object({ kind: z.literal("range"), min: z.number(), max: z.number(), default: z.number() }),
  ]),
);
const inputs = z.object({
  images: about("How many pictures at most; 0: it works from a prompt alone.", z.int()),
  mask: z.boolean(),
  required: about("Whether it makes nothing without a picture.", z.boolean().exactOptional()),
  types: about("Media types; absent: every one that the gateway stores.", words.exactOptional()),
  maxBytes: about("Of one picture; absent: as large as the gateway takes them.", z.number().exactOptional()),
} satisfies Shape<InputRule>);
const capabilities = named(
  "ModelCapabilities",
  "What a model takes. An empty list: it does not take the field at all.",
  z.object({
    type: z.enum(TASK_TYPES),
    maxN: z.int(),
    maxPromptCharacters: z.int().exactOptional(),
    sizes,
    durations: about("Seconds of film; null: the model does not take the field.", numbers.nullable()),
    fps: about("Frames a second; null: the model does not take the field.", numbers.nullable()),
    qualities: words,
    styles: words,
    backgrounds: words,
    outputFormats: words,
    inputs: inputs.exactOptional(),
    seed: about("Whether the same prompt and seed give the same result.", z.boolean()),
    maxSeed: z.number().exactOptional(),
    measuredProgress: about(
      "Whether progress comes from the work itself; otherwise it is estimated.",
      z.boolean(),
    ),
    providerOptions: about("Names that `provider_options` may hold.", words),
    furtherFields: about("Further request fields that are passed on.", words),
  } satisfies Shape<ModelCapabilities>),
);

const rate = z.object({
  usd: z.number(),
  size: z.string().exactOptional(),
  quality: z.string().exactOptional(),
  upTo: about("Of a film: its shorter side is at most so long.", z.string().exactOptional()),
  seconds: about("Of a film: it lasts at most so many seconds.", z.number().exactOptional()),
  tokens: about("Which kind of token.", z.string().exactOptional()),
} satisfies Shape<WireRate>);
const pricing = named(
  "Pricing",
  "What a model costs, in US dollars.",
  z.union([
    z.object({ free: z.literal(true) }),
    z.object({
      free: z.literal(false),
      unit: z.enum(["image", "million_tokens", "megapixel", "second", "video", "minute"]),
      usd: about("Of one unit, at most; `rates` tell what it depends on.", z.number()),
      rates: z.array(rate).exactOptional(),
      otherUsd: about("Of what no line of `rates` names.", z.number().exactOptional()),
      firstUsd: about("Of the first megapixel of a picture, where it differs.", z.number().exactOptional()),
      furtherUsd: about("Of the other megapixels.", z.number().exactOptional()),
      inputUsd: about("Of one input picture, at most.", z.number().exactOptional()),
      minuteUsd: about("Of a minute of a voice session, besides its tokens.", z.number().exactOptional()),
      megapixels: about("Held back for where the request names no size.", z.number().exactOptional()),
      longestSeconds: about("Held back for where the request names no duration.", z.number().exactOptional()),
      most: about(
        "Tokens that are held back for.",
        z
          .object({
            image: z.array(
              z.object({
                quality: z.string().exactOptional(),
                tokens: z.number(),
                perMegapixel: z.number().exactOptional(),
              }),
            ),
            megapixels: z.number(),
            input: z.number(),
          })
          .exactOptional(),
      ),
    }),
  ]),
);

const modelFields = {
  id: z.string(),
  object: z.literal("model"),
  created: about("Seconds since the epoch.", z.int()),
  owned_by: z.string(),
  provider: z.string(),
  aliasOf: about(
    "The model that this name leads to; null: it is the model's own name.",
    z.string().nullable(),
  ),
  pricing,
};
const mediaModel = named(
  "Model",
  "A model of pictures or films.",
  z.object({
    ...modelFields,
    capabilities,
    parameters: about(
      "A JSON Schema of what a create takes for this model. The gateway takes more: what the model does not know, and null, count as absent.",
      z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonSchema>,
    ),
  } satisfies Shape<WireModel>),
);
const voiceModel = named(
  "VoiceModel",
  "A model of voice sessions.",
  z.object({
    ...modelFields,
    capabilities: z.object({
      type: z.literal("realtime"),
      tools: z.boolean(),
      voices: about("Null: the provider's own list.", words.nullable()),
      imageInput: z.boolean(),
      transcription: z.boolean(),
      webrtc: z.boolean(),
    } satisfies Shape<WireVoiceModel["capabilities"]>),
  } satisfies Shape<WireVoiceModel>),
);
export const model = z.union([mediaModel, voiceModel]);
const listFields = { object: z.literal("list"), data: z.array(model) } satisfies Shape<WireModelList>;
export const modelList = named("ModelList", "The models that the key may use.", z.object(listFields));
export const adminModelList = named(
  "AdminModelList",
  "Every model, and what is known and leads to none here.",
  z.object({
    ...listFields,
    notOffered: z.array(z.object({ id: z.string(), reason: z.string() })),
  } satisfies Shape<WireAdminModelList>),
);
export const estimate = named(
  "Estimate",
  "What a create would hold back.",
  z.object({
    reserved: dollarsOf("what accepting the request would hold back; it is never charged more."),
    currency: z.literal("USD"),
    price: about("Of the model, or of the dearest of those that may make it.", pricing),
    usualSeconds: about(
      "How long such a job usually takes once it has begun; null where nobody knows.",
      z.number().nullable(),
    ),
  } satisfies Shape<WireEstimate>),
);

const account = z.object({
  name: about("As configured; null where there is only one.", z.string().nullable()),
  weight: about(
    "Its share of new jobs against the others; null where there is only one.",
    z.number().nullable(),
  ),
  status: about(
    "`refused`: the provider refused its key or its credit. `away`: calls in a row found the provider away. Null: calls are made elsewhere.",
    z.enum(["ok", "limited", "refused", "away"]).nullable(),
  ),
  errorCode: taskErrorCode.nullable(),
  retryAfterSeconds: about(
    "When it is tried again, by kind of work.",
    z.object({ image: z.number().exactOptional(), video: z.number().exactOptional() }),
  ),
} satisfies Shape<WireAccount>);
export const providerList = named(
  "ProviderList",
  "Providers, their models and how their accounts are doing.",
  z.object({
    object: z.literal("list"),
    data: z.array(
      z.object({
        name: z.string(),
        models: words,
        accounts: z.array(account),
      } satisfies Shape<WireProvider>),
    ),
  } satisfies Shape<WireProviderList>),
);
