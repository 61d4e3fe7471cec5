/** Where the providers that meter nothing in their events keep what they bill. Facts: their REST references. */

import { objectOr } from "../json.ts";
import type { BillDialect } from "../translator.ts";

const SECOND_MS = 1_000;
/** An id goes into addresses: nothing else is taken for one. */
const ID = /^[A-Za-z0-9_-]{1,128}$/;
const SECONDS = /^(\d+(?:\.\d+)?)s$/;

/** The duration of the connection, once the conversation has been gone through. */
export const elevenLabsBills: BillDialect = {
  request: ({ baseUrl, key, headers }, id) => ({
    url: `${baseUrl.replace(/^ws/, "http")}s/${id}`,
    headers: { ...(key !== null && { "xi-api-key": key }), ...headers },
  }),
  billedMsOf(record) {
    const { status, metadata } = objectOr(record);
    const { call_duration_secs: seconds } = objectOr(metadata);
    const isOver = status === "done" || status === "failed";
    return isOver && typeof seconds === "number" && seconds >= 0 ? seconds * SECOND_MS : null;
  },
};

/** Durations are texts such as `12.5s`. */
export const ultravoxBills: BillDialect = {
  request: ({ baseUrl, key, headers }, id) => ({
    url: `${baseUrl.replace(/^ws/, "http")}/calls/${id}`,
    headers: { ...(key !== null && { "x-api-key": key }), ...headers },
  }),
  billedMsOf(record) {
    const { billedDuration, billingStatus } = objectOr(record);
    if (typeof billedDuration !== "string" || /PENDING/i.test(String(billingStatus ?? ""))) return null;
    const seconds = SECONDS.exec(billedDuration)?.[1];
    return seconds === undefined ? null : Number(seconds) * SECOND_MS;
  },
};

/** Whether a text can be the id of a session in an address. */
export function isBillId(id: string): boolean {
  return ID.test(id);
}
