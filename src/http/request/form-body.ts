/** Bodies that come as JSON or as a form: OpenAI's SDKs send `/v1/videos` as multipart even without a file. */

import { ApiError } from "../../protocol/error.ts";
import type { HttpContext } from "../exchange.ts";
import { boundedBytes, brokenOff, readJson } from "./body.ts";
import { inputRefused } from "./creation-schema.ts";

const MULTIPART = /^\s*multipart\/form-data\s*;/i;
/** `metadata[name]`: how SDKs write an object into a form. */
const NESTED = /^([^[\]]+)\[([^[\]]+)\]$/;
const NUMBER = /^-?\d{1,17}(?:\.\d{1,17})?$/;

export type FormRules = {
  /** Fields that are numbers; in a form they come as text. */
  numbers: ReadonlySet<string>;
  /** Fields that may come as the text of a JSON value. */
  json: ReadonlySet<string>;
  /** Objects whose values may be numbers, `true` and `false`; those of others are texts. */
  typed: ReadonlySet<string>;
};

/** The fields of a body of at most `maxBytes`, as JSON would give them. Rejects as `jsonBody` does. */
export async function jsonOrForm(c: HttpContext, maxBytes: number, rules: FormRules): Promise<unknown> {
  const { headers } = c.req.raw;
  const type = headers.get("content-type") ?? "";
  if (!MULTIPART.test(type)) return readJson(c.req.raw, maxBytes);
  const bytes = await boundedBytes(c.req.raw, maxBytes);
  if (bytes === null) throw brokenOff();
  // A copy with the one header that counts: what else the request says is not about the form.
  const body = new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { "content-type": type } });
  const form = await body.formData().catch(() => {
    throw new ApiError(
      "invalid_parameter",
      "The body is not the multipart form that its Content-Type announces. Check the boundary, or send JSON.",
      { param: "Content-Type" },
    );
  });
  return fieldsOf(form, rules);
}

function fieldsOf(form: FormData, rules: FormRules): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of form) {
    const [, outer, inner] = NESTED.exec(name) ?? [];
    if (typeof value !== "string") throw inputRefused(outer ?? name);
    if (outer === undefined || inner === undefined) set(fields, name, fieldValue(name, value, rules));
    else {
      const known = Object.hasOwn(fields, outer) ? fields[outer] : undefined;
      const object = typeof known === "object" && known !== null ? (known as Record<string, unknown>) : {};
      set(object, inner, rules.typed.has(outer) ? scalarOf(value) : value);
      set(fields, outer, object);
    }
  }
  return fields;
}

/** Sets an own field, whatever its name. */
function set(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

function fieldValue(name: string, text: string, { numbers, json }: FormRules): unknown {
  if (numbers.has(name)) return NUMBER.test(text) ? Number(text) : text;
  if (!json.has(name)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function scalarOf(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return NUMBER.test(text) ? Number(text) : text;
}
