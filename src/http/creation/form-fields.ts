/** The texts of a form as the fields of the JSON body that they stand for. */

import type { FormText } from "../request/multipart.ts";

/** `metadata[name]`: how libraries write an object into a form. */
const NESTED = /^([^[\]]+)\[([^[\]]*[^[\]\d][^[\]]*)\]$/;
/** `image[]`, `image[0]`: one of a list. */
const LISTED = /^([^[\]]+)\[\d*\]$/;
const NUMBER = /^-?(?:0|[1-9]\d{0,15})(?:\.\d{1,15})?$/;
/** Texts that may look like numbers. */
const TEXTS = new Set([
  "prompt",
  "model",
  "user",
  "size",
  "image",
  "images",
  "mask",
  "webhook_url",
  "webhook_events",
]);
/** Objects that come as one JSON text. */
const OBJECTS = new Set([
  "metadata",
  "provider_options",
  "access_token",
  "image",
  "images",
  "mask",
  "webhook_headers",
]);

/** Objects whose values are texts. */
const TEXT_MAPS = new Set(["metadata", "webhook_headers"]);

/** What a form's name is about: `image[]` is about `image`. */
export function fieldOf(name: string): string {
  return LISTED.exec(name)?.[1] ?? name;
}

/** Fields with their values: numbers and true or false where a text is one, lists where a name came several times. */
export function fieldsOfForm(texts: readonly FormText[]): Record<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const { name, text } of texts) {
    // Forms send what was left empty.
    if (text === "") continue;
    const [, outer, inner] = NESTED.exec(name) ?? [];
    if (outer !== undefined && inner !== undefined) {
      const object = fields.get(outer);
      const entries = isObject(object) ? Object.entries(object) : [];
      const value = TEXT_MAPS.has(outer) ? text : scalarOf(text);
      fields.set(outer, Object.fromEntries([...entries, [inner, value]]));
      continue;
    }
    const field = fieldOf(name);
    const value = formValue(field, text);
    const known = fields.get(field);
    if (known !== undefined) fields.set(field, [...(Array.isArray(known) ? known : [known]), value]);
    else fields.set(field, value);
  }
  return Object.fromEntries(fields);
}

function formValue(field: string, text: string): unknown {
  if (OBJECTS.has(field) && text.startsWith("{")) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  return TEXTS.has(field) ? text : scalarOf(text);
}

function scalarOf(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return NUMBER.test(text) ? Number(text) : text;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
