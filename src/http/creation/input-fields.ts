/** The pictures a create body names, in the spellings of the field: addresses, data URLs, and results of earlier tasks. */

import type { GivenInput, InputSource } from "../../inputs/given-input.ts";
import { invalidInput } from "../../inputs/input-error.ts";
import type { InputField, InputReference } from "../../protocol/create-request.ts";
import { ApiError } from "../../protocol/error.ts";
import type { JsonSchema } from "../../protocol/model.ts";
import { MEDIA_PREFIX } from "../routes/media.ts";

export type InputFields = {
  image?: InputField | undefined;
  images?: InputField | undefined;
  mask?: InputField | undefined;
};

/** More than any model takes. */
export const MAX_INPUTS = 16;

const DATA_URL = /^data:([^,;]{0,100})(?:;[^,;]{1,100}){0,4}?(;base64)?,/i;
/** What a picture is that came without being made a data URL. */
const BARE_BASE64 = /^[A-Za-z0-9+/_-]{100}/;

/** Where a JSON Schema of a create has what follows, so that each of its fields can point to it. */
export const PICTURE_SCHEMA_REF = "#/$defs/picture";
const ADDRESS_SCHEMA = {
  type: "string",
  pattern: "^(https://\\S+|data:image/[a-z+.-]+;base64,|/v1/media/\\S+)",
};
/** One picture as a JSON Schema: of the spellings that are taken, those that are documented. */
export const PICTURE_SCHEMA: JsonSchema = {
  description: "An https address, a data URL, or a result of an earlier task.",
  anyOf: [
    ADDRESS_SCHEMA,
    { type: "object", properties: { image_url: ADDRESS_SCHEMA }, required: ["image_url"] },
    {
      type: "object",
      properties: {
        task_id: { type: "string" },
        index: { type: "integer", minimum: 0, default: 0 },
      },
      required: ["task_id"],
    },
  ],
};

/** Whether a field is what `InputField` says, bounded; what its texts are is looked at by `givenInputs`. */
export function isInputField(value: unknown): value is InputField {
  if (!Array.isArray(value)) return isReference(value);
  return value.length > 0 && value.length <= MAX_INPUTS && value.every(isReference);
}

/**
 * The inputs in the caller's order. `bases` are what stands before the path in addresses of this gateway's media. Throws
 * `invalid_parameter` naming the field, or `not_supported` for OpenAI's file ids.
 */
export function givenInputs(fields: InputFields, bases: readonly string[]): GivenInput[] {
  const read = (role: GivenInput["role"], name: "image" | "images" | "mask"): GivenInput[] => {
    const field = fields[name];
    if (field === undefined) return [];
    if (!Array.isArray(field)) return [{ role, param: name, source: sourceOf(field, name, bases) }];
    return field.map((reference, index) => {
      const param = `${name}.${index}`;
      return { role, param, source: sourceOf(reference, param, bases) };
    });
  };
  return [...read("image", "image"), ...read("image", "images"), ...read("mask", "mask")];
}

function sourceOf(reference: InputReference, param: string, bases: readonly string[]): InputSource {
  if (typeof reference === "string") return sourceOfText(reference.trim(), param, bases);
  if ("file_id" in reference) {
    throw new ApiError(
      "not_supported",
      `${param} names a file of OpenAI's Files API, which is not offered here. Send the picture as an https address, a data URL, or multipart.`,
      { param },
    );
  }
  if ("task_id" in reference) {
    const { task_id, index = 0 } = reference;
    return { kind: "result", taskId: task_id.toLowerCase(), index };
  }
  const address = "image_url" in reference ? reference.image_url : reference.url;
  return sourceOfText((typeof address === "string" ? address : address.url).trim(), param, bases);
}

function sourceOfText(text: string, param: string, bases: readonly string[]): InputSource {
  if (/^data:/i.test(text)) return { kind: "bytes", bytes: bytesOf(text, param) };
  const path = ownMediaPath(text, bases);
  if (path !== null) return { kind: "media", path };
  if (BARE_BASE64.test(text))
    throw invalidInput(param, `${param} looks like base64. Send it as data:image/png;base64,… instead.`);
  return { kind: "address", url: text };
}

/** The path of one of our own files; null for any other address. */
function ownMediaPath(text: string, bases: readonly string[]): string | null {
  const base = [...bases, MEDIA_PREFIX].find((known) => text.startsWith(known));
  return base === undefined ? null : (text.slice(base.length).split(/[?#]/, 1)[0] ?? null);
}

function bytesOf(dataUrl: string, param: string): Uint8Array<ArrayBuffer> {
  const [head, , base64] = DATA_URL.exec(dataUrl) ?? [];
  if (head === undefined || base64 === undefined)
    throw invalidInput(param, `${param} must be a data URL like data:image/png;base64,….`);
  const text = dataUrl.slice(head.length);
  const alphabet = /[-_]/.test(text) ? "base64url" : "base64";
  try {
    return Uint8Array.fromBase64(text, { alphabet });
  } catch {
    throw invalidInput(param, `${param} is a data URL whose base64 is broken. Send it whole.`);
  }
}

function isReference(value: unknown): value is InputReference {
  if (typeof value === "string") return value.trim() !== "";
  if (typeof value !== "object" || value === null) return false;
  const { image_url, url, file_id, task_id, index } = value as Record<string, unknown>;
  if (typeof task_id === "string")
    return index === undefined || index === null || (Number.isInteger(index) && Number(index) >= 0);
  return typeof file_id === "string" || isAddress(image_url) || isAddress(url);
}

function isAddress(value: unknown): boolean {
  if (typeof value === "string") return value.trim() !== "";
  return typeof value === "object" && value !== null && "url" in value && typeof value.url === "string";
}
