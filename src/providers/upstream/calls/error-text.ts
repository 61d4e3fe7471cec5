/** What a provider wrote about its failure, made fit for a caller: no secret, no address, no bytes of an input. */

import { redactSecrets } from "../../../logging/redaction.ts";

/** A provider's sentence is cut here; the rest seldom helps. */
const MAX_QUOTED_CHARACTERS = 300;
/** Input pictures come back as base64 in some providers' complaints. */
const DATA = /data:[^\s"'<>]*|[A-Za-z0-9+/=_-]{48,}/g;
const ADDRESS = /\b(?:[a-z][a-z0-9+.-]*:\/\/|www\.)[^\s"'<>)\]]+/gi;
/** Bytes that were printed as text: control characters and what stands for undecodable ones. */
const UNPRINTABLE = /[\p{Cc}\ufffd]+/gu;
/** Far more than is quoted; patterns need not look at megabytes. */
const MAX_INSPECTED_CHARACTERS = 8_192;

/**
 * The text without addresses, keys, data and control characters, on one line and at most 300 characters long; `secrets`
 * are taken out wherever they stand. Empty when nothing is left.
 */
export function quotable(text: string, secrets: readonly string[] = []): string {
  let clean = text.slice(0, MAX_INSPECTED_CHARACTERS);
  for (const secret of secrets) if (secret !== "") clean = clean.replaceAll(secret, "[key]");
  clean = clean.replace(DATA, "[data]").replace(ADDRESS, "[address]");
  clean = redactSecrets(clean).replace(UNPRINTABLE, " ").replace(/\s+/g, " ").trim();
  return clean.length <= MAX_QUOTED_CHARACTERS ? clean : `${clean.slice(0, MAX_QUOTED_CHARACTERS - 1)}…`;
}

/** What an error body says, whichever provider's dialect it is in; empty texts where it does not say. */
export type ErrorReport = { readonly code: string; readonly type: string; readonly message: string };

/**
 * Reads `{error: {message, type, code}}` (OpenAI, Google), `{error: "…"}`, `{detail: "…" | [{msg, type}]}` (FastAPI,
 * fal, Replicate), `{errors: […]}` and `{message, code}`.
 */
export function reportOf(body: unknown): ErrorReport {
  if (typeof body === "string") return { code: "", type: "", message: body };
  if (!isRecord(body)) return NOTHING;
  const { error, detail, errors } = body;
  if (isRecord(error)) return fields(error);
  if (typeof error === "string") return { ...fields(body), message: joined(error, text(body.message)) };
  if (typeof detail === "string") return { ...fields(body), message: detail };
  const list = Array.isArray(detail) ? detail : Array.isArray(errors) ? errors : null;
  if (list === null) return fields(body);
  const reports = list.map((entry) =>
    isRecord(entry) ? fields(entry) : { ...NOTHING, message: text(entry) },
  );
  return {
    code: text(body.code) || reports.find(({ code }) => code !== "")?.code || "",
    type: text(body.name) || reports.find(({ type }) => type !== "")?.type || "",
    message: reports.map(({ message }) => message).join("; "),
  };
}

const NOTHING: ErrorReport = { code: "", type: "", message: "" };

function fields(from: Record<string, unknown>): ErrorReport {
  return {
    code: text(from.code),
    type: text(from.type) || text(from.status),
    message: text(from.message) || text(from.msg) || text(from.title),
  };
}

function joined(one: string, other: string): string {
  return other === "" || other === one ? one : `${one}: ${other}`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
