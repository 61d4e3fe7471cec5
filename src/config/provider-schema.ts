/** The settings of providers: their accounts, and the providers an operator adds by configuration alone. */

import { z } from "zod";
import {
  boolean,
  integer,
  list,
  optional,
  optionalDecimal,
  SettingList,
  SettingMap,
  word,
} from "./setting.ts";
import { LINE, line, SECRET, secret, WEB_ADDRESS, webAddress } from "./value-shapes.ts";

/** What OpenAI itself makes at most in one call. */
const MAX_IMAGES = 10;
const MAX_WEIGHT = 1_000;
/** Dollars; dearer pictures are a slip of the decimal point. */
const MAX_PRICE = 1_000;

const credentials = new SettingList(
  {
    name: optional(
      line,
      LINE,
      "What records and operators know the account by; its place in the list when absent.",
    ),
    key: optional(secret, SECRET, "The account's key.", { secret: true }),
    weight: integer(1, 0, MAX_WEIGHT, "Its share of new jobs against the others; 0 gives it none."),
    baseUrl: optional(
      webAddress,
      WEB_ADDRESS,
      "Where this account is reached, when not where the provider is.",
    ),
    models: list(
      line,
      "a list of model names, `*` at an end for any",
      "The models it may be used for; none named: all.",
    ),
  },
  { keyName: "index" },
);

const models = new SettingList(
  {
    name: optional(line, LINE, "The provider's own name of the model."),
    aliases: list(
      line,
      "a list of model names",
      "Further names callers may use, besides `<provider>/<model>`.",
    ),
    maxN: integer(MAX_IMAGES, 1, MAX_IMAGES, "Largest `n`."),
    imagesPerCall: integer(
      MAX_IMAGES,
      1,
      MAX_IMAGES,
      "Pictures it makes in one call; a larger `n` takes several calls.",
    ),
    sizes: list(
      line.regex(/^([1-9]\d{0,4}x[1-9]\d{0,4}|auto)$/),
      "a list of sizes such as 1024x1024",
      "Sizes it makes; without the list every size is passed on.",
    ),
    qualities: list(
      line,
      "a list of words",
      "Values of `quality` it takes; none named: the field is left out.",
    ),
    styles: list(line, "a list of words", "Values of `style` it takes; none named: the field is left out."),
    backgrounds: list(
      line,
      "a list of words",
      "Values of `background` it takes; none named: the field is left out.",
    ),
    outputFormats: list(
      line,
      "a list of words",
      "Values of `output_format` it takes; none named: the field is left out.",
    ),
    responseFormat: word(
      "b64_json",
      ["b64_json", "url", "none"],
      "What is sent as `response_format`; `none` leaves it out. Either answer is understood.",
    ),
    seed: boolean(false, "Whether it takes `seed`."),
    edits: boolean(false, "Whether it takes input pictures (`/images/edits`)."),
    streaming: boolean(false, "Whether it takes `stream` and `partial_images`."),
    furtherFields: list(
      line,
      "a list of field names",
      "Further request fields that are passed on as they are.",
    ),
    free: boolean(false, "It costs nothing. A model is either free or has a price."),
    pricePerImage: optionalDecimal(0, MAX_PRICE, "US dollars for one picture."),
  },
  { keyName: "index" },
);

const provider = {
  kind: optional(
    z.preprocess(
      (value) => (typeof value === "string" ? value.toLowerCase() : value),
      z.enum(["openai-compatible"]),
    ),
    "openai-compatible",
    "Adds a provider under a name of your own: whatever speaks OpenAI's images API at `baseUrl`.",
  ),
  apiKey: optional(secret, SECRET, "Its key.", { secret: true }),
  baseUrl: optional(
    webAddress,
    WEB_ADDRESS,
    "Where it is reached, when not at its usual address; with the `/v1` of its paths.",
  ),
  credentials,
  models,
};

function keyOf(variable: string, name: string) {
  return {
    apiKey: optional(secret, SECRET, `Key for ${name}; without it ${name} is not offered.`, {
      variable,
      secret: true,
    }),
  };
}

/** The providers that are known by name, each with the variable of its key. */
export const PROVIDER_SETTINGS = new SettingMap(
  provider,
  { keyName: "name", lowerCaseKeys: true },
  {
    openai: keyOf("OPENAI_API_KEY", "OpenAI"),
    elevenlabs: keyOf("ELEVENLABS_API_KEY", "ElevenLabs"),
    minimax: keyOf("MINIMAX_API_KEY", "MiniMax"),
    replicate: keyOf("REPLICATE_API_TOKEN", "Replicate"),
    gemini: keyOf("GEMINI_API_KEY", "Gemini"),
    fal: keyOf("FAL_KEY", "fal"),
    stability: keyOf("STABILITY_API_KEY", "Stability"),
    bfl: keyOf("BFL_API_KEY", "Black Forest Labs"),
    openrouter: keyOf("OPENROUTER_API_KEY", "OpenRouter"),
    ultravox: keyOf("ULTRAVOX_API_KEY", "Ultravox"),
    xai: keyOf("XAI_API_KEY", "xAI"),
  },
);
