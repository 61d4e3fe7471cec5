/** Spending on the wire. */

import type { Json } from "../../protocol/task.ts";
import { dollars } from "../../tasks/dollars.ts";
import type { SpendMark } from "./ledger-store.ts";

/** What webhooks are told of a threshold that was reached; amounts in US dollars. Redis writes the same in Lua. */
export function thresholdData({
  keyId,
  customer,
  period,
  window,
  percent,
  limitMicros,
  chargedMicros,
}: SpendMark): Json {
  const [limit, charged] = [dollars(limitMicros), dollars(chargedMicros)];
  return { keyId, customer, period, window, percent, limit, charged };
}
