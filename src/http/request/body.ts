/** Reading a JSON body: its type, its size while it streams in, and its validation by a schema. */

import { zValidator } from "@hono/zod-validator";
import type { z } from "zod";
import { ApiError } from "../../protocol/error.ts";
import { joinBytes } from "../../signalr/protocols/binary-format.ts";
import type { HttpMiddleware } from "../exchange.ts";
import { firstIssue } from "./schema-issue.ts";

/** A UTF-16 unit is at most three bytes of UTF-8: below this share of the limit no text needs to be measured. */
const MAX_BYTES_PER_UNIT = 3;
const NO_FIELDS: ReadonlySet<string> = new Set();
const MULTIPART = /^\s*multipart\/form-data\b/i;
const JSON_TYPE = /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/**
 * Refuses bodies that are not declared as JSON (415) or larger than `maxBytes` (413), and reads the rest.
 * A body without a length is counted as it comes, so that no more than the limit is ever held.
 */
export function jsonBody(maxBytes: number): HttpMiddleware {
  return async (c, next) => {
    const type = c.req.raw.headers.get("content-type");
    if (type === null || !JSON_TYPE.test(type)) throw wrongType(type);
    const declared = c.req.raw.headers.get("content-length");
    if (declared === null) {
      const text = Promise.resolve(await whole(readCounted(c.req.raw, maxBytes)));
      // Hono's request looks here first; it stores promises here, in spite of the declared type (seen with hono
      // 4.13.19).
      Object.assign(c.req.bodyCache, { text });
    } else {
      if (Number(declared) > maxBytes) throw tooLarge(maxBytes);
      const text = await whole(c.req.text());
      // A host that does not hold a caller to the declared length must not open a way around the limit.
      if (text.length * MAX_BYTES_PER_UNIT > maxBytes && byteLength(text) > maxBytes)
        throw tooLarge(maxBytes);
    }
    await next();
  };
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
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of chunksOf(request, maxBytes)) chunks.push(chunk);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    return null;
  }
  return chunks.length === 1 ? chunks[0]! : joinBytes(chunks);
}

async function readCounted(request: Request, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of chunksOf(request, maxBytes)) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
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
      throw tooLarge(maxBytes);
    }
    yield value;
  }
}

/** A body that breaks off: the client is gone, so nobody reads the answer, and it is no failure of the server. */
async function whole(text: Promise<string>): Promise<string> {
  try {
    return await text;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError("invalid_json", "The body broke off before its end. Send it again, whole.");
  }
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

function tooLarge(maxBytes: number): ApiError {
  return new ApiError(
    "payload_too_large",
    `The body is larger than ${maxBytes} bytes, which is as much as is taken here.`,
  );
}

function wrongType(type: string | null): ApiError {
  if (type !== null && MULTIPART.test(type)) {
    return new ApiError(
      "invalid_parameter",
      "Multipart bodies are not taken by this version. Send the fields as JSON, with Content-Type: application/json.",
      { param: "Content-Type" },
    );
  }
  const came = type === null ? "none came" : `${JSON.stringify(type.slice(0, 100))} came`;
  return new ApiError("unsupported_media_type", `Content-Type must be application/json; ${came}.`);
}
