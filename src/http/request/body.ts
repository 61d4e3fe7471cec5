/** Reading a JSON body: its type, its size while it streams in, and its validation by a schema. */

import { zValidator } from "@hono/zod-validator";
import type { z } from "zod";
import { ApiError } from "../../protocol/error.ts";
import { joinBytes } from "../../signalr/protocols/binary-format.ts";
import type { HttpMiddleware } from "../exchange.ts";
import { firstIssue } from "./schema-issue.ts";

const NO_FIELDS: ReadonlySet<string> = new Set();
const MULTIPART = /^\s*multipart\/form-data\b/i;
const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i;
/** Both spellings are in the field. */
const UTF8 = /^utf-?8$/i;
const JSON_TYPE = /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/** Whether a content type is that of a form with files. */
export function isMultipart(contentType: string): boolean {
  return MULTIPART.test(contentType);
}

/**
 * Refuses bodies that are not declared as JSON in UTF-8 (415) or larger than `maxBytes` (413), and reads the rest.
 * A body without a length is counted as it comes, so that no more than the limit is ever held.
 */
export function jsonBody(maxBytes: number): HttpMiddleware {
  return async (c, next) => {
    const text = await readText(c.req.raw, maxBytes);
    // Hono's request looks here first; it stores promises here, in spite of the declared type (seen with hono 4.13.19).
    Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
    await next();
  };
}

/** As `jsonBody`, where a request without a body stands for an empty object. */
export function optionalJsonBody(maxBytes: number): HttpMiddleware {
  const required = jsonBody(maxBytes);
  return (c, next) => {
    const { body, headers } = c.req.raw;
    return body === null || headers.get("content-length") === "0" ? next() : required(c, next);
  };
}

/** The value of a JSON body, for routes that take other bodies too. Rejects as `jsonBody` does. */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  const text = await readText(request, maxBytes);
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError("invalid_json", "The body is not valid JSON. Send one JSON object, encoded as UTF-8.");
  }
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const { headers } = request;
  requireJson(headers);
  const bytes = headers.has("content-length")
    ? await declaredBytes(request, maxBytes)
    : await boundedBytes(request, maxBytes);
  if (bytes === null) throw brokenOff();
  return decodeUtf8(bytes);
}

/** The client is gone, so nobody reads the answer, and it is no failure of the server. */
export function brokenOff(): ApiError {
  return new ApiError("invalid_json", "The body broke off before its end. Send it again, whole.");
}

/**
 * Validates the body that `jsonBody` read. A field sent as `null` counts as absent, except those of `nullable`,
 * where it is a value.
 */
export function validBody<Out>(schema: z.ZodType<Out>, nullable: ReadonlySet<string> = NO_FIELDS) {
  return zValidator(
    "json",
    schema,
    (result) => {
      if (!result.success) throw firstIssue(result.error, result.data);
    },
    { validationFunction: (validated, value) => validated.safeParse(withoutNulls(value, nullable)) },
  );
}

/** Validates fields as `validBody` does. Throws what is wrong with them. */
export function validFields<Out>(schema: z.ZodType<Out>, value: unknown): Out {
  const fields = withoutNulls(value, NO_FIELDS);
  const result = schema.safeParse(fields);
  if (!result.success) throw firstIssue(result.error, fields);
  return result.data;
}

function withoutNulls(value: unknown, nullable: ReadonlySet<string>): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ApiError("invalid_json", `The body must be one JSON object, not ${nameOf(value)}.`);
  }
  const fields = value as Record<string, unknown>;
  for (const name in fields) if (fields[name] === null && !nullable.has(name)) delete fields[name];
  return fields;
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

/** The bytes of a body; null when the caller goes away in the midst of it. Rejects with `payload_too_large`. */
export async function boundedBytes(request: Request, maxBytes: number): Promise<Uint8Array | null> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw bodyTooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of chunksOf(request, maxBytes)) chunks.push(chunk);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    return null;
  }
  return chunks.length === 1 ? chunks[0]! : joinBytes(chunks);
}

/** The bytes of a body whose length is declared, which hosts hand over in one piece; null when it breaks off. */
async function declaredBytes(request: Request, maxBytes: number): Promise<Uint8Array | null> {
  if (Number(request.headers.get("content-length")) > maxBytes) throw bodyTooLarge(maxBytes);
  const bytes = await request.arrayBuffer().catch(() => null);
  if (bytes === null) return null;
  // A host that does not hold a caller to the declared length must not open a way around the limit.
  if (bytes.byteLength > maxBytes) throw bodyTooLarge(maxBytes);
  return new Uint8Array(bytes);
}

/** Replacing what is no UTF-8 would store other words than were sent: PowerShell posts Latin-1 (seen in 2026). */
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ApiError("invalid_json", "The body is not valid UTF-8. Encode the JSON as UTF-8.");
  }
}

/** The body as it comes. Throws `payload_too_large` once there is too much, and reads no further. */
async function* chunksOf(request: Request, maxBytes: number): AsyncGenerator<Uint8Array, void> {
  if (request.body === null) return;
  const reader = request.body.getReader();
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      await reader.cancel();
      throw bodyTooLarge(maxBytes);
    }
    yield value;
  }
}

function requireJson(headers: Headers): void {
  const type = headers.get("content-type");
  if (type === null || !JSON_TYPE.test(type)) throw wrongType(type);
  const charset = CHARSET.exec(type)?.[1];
  if (charset !== undefined && !UTF8.test(charset)) {
    throw new ApiError(
      "unsupported_media_type",
      `JSON is taken in UTF-8; charset ${JSON.stringify(charset.slice(0, 100))} came.`,
    );
  }
  requirePlain(headers);
}

/** Refuses a compressed body (415). */
export function requirePlain(headers: Headers): void {
  const encoding = headers.get("content-encoding")?.trim();
  if (encoding && encoding.toLowerCase() !== "identity") {
    throw new ApiError(
      "unsupported_media_type",
      `Bodies are taken as they are, without Content-Encoding; ${JSON.stringify(encoding.slice(0, 100))} came.`,
    );
  }
}

export function bodyTooLarge(maxBytes: number): ApiError {
  return new ApiError(
    "payload_too_large",
    `The body is larger than ${maxBytes} bytes, which is as much as is taken here.`,
  );
}

function wrongType(type: string | null): ApiError {
  if (type !== null && isMultipart(type)) {
    return new ApiError(
      "invalid_parameter",
      "Multipart bodies are not taken here. Send the fields as JSON, with Content-Type: application/json.",
      { param: "Content-Type" },
    );
  }
  const came = type === null ? "none came" : `${JSON.stringify(type.slice(0, 100))} came`;
  return new ApiError("unsupported_media_type", `Content-Type must be application/json; ${came}.`);
}
