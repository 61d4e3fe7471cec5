/** How lists are paged: `limit` items, beginning after a cursor. */

import { ApiError } from "../../protocol/error.ts";
import { describeReceived } from "./schema-issue.ts";

const DEFAULT_LIMIT = 20;
/** Items of one page at most. */
export const MAX_LIMIT = 100;

/** The page size in a query, 1-100; 20 without one. Throws `invalid_parameter`. */
export function pageLimit(text: string | undefined): number {
  if (!text) return DEFAULT_LIMIT;
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new ApiError(
    "invalid_parameter",
    `limit must be a whole number from 1 to ${MAX_LIMIT}; ${describeReceived(text)} came.`,
    {
      param: "limit",
    },
  );
}
