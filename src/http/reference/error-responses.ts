/** Errors in the document: each set of codes that routes have in common under one status is written once. */

import type { ErrorCode } from "../../protocol/error.ts";
import type { JsonSchema } from "../../protocol/model.ts";
import { ERROR_CODES, ERROR_MEANINGS, statusOf } from "./answers/errors.ts";
import { ACCESS_ERRORS, BODY_ERRORS, EVERY_ERROR, type Operation } from "./operation.ts";

export type ErrorResponses = {
  /** The responses, by a name that is made of their codes. */
  readonly components: Readonly<Record<string, JsonSchema>>;
  /** Where those of a route are, by status. */
  of(operation: Operation): Readonly<Record<number, JsonSchema>>;
};

const WITH_RETRY_AFTER = new Set([429, 503]);

/** The codes that a route may answer with, in the order of the table. */
export function errorCodesOf({ access, body, errors = [] }: Operation): readonly ErrorCode[] {
  const own = new Set<ErrorCode>([
    ...errors,
    ...ACCESS_ERRORS[access],
    ...(body === undefined ? [] : BODY_ERRORS),
    ...EVERY_ERROR,
  ]);
  return ERROR_CODES.filter((code) => own.has(code));
}

/** The error responses of these routes. */
export function errorResponses(operations: readonly Operation[]): ErrorResponses {
  const components: Record<string, JsonSchema> = {};
  const of = (operation: Operation) => {
    const byStatus: Record<number, JsonSchema> = {};
    for (const [status, codes] of Map.groupBy(errorCodesOf(operation), statusOf)) {
      const name = codes.join(".");
      components[name] ??= responseOf(status, codes);
      byStatus[status] = { $ref: `#/components/responses/${name}` };
    }
    return byStatus;
  };
  for (const operation of operations) of(operation);
  return { components, of };
}

function responseOf(status: number, codes: readonly ErrorCode[]): JsonSchema {
  const headers = ["x-request-id", ...(WITH_RETRY_AFTER.has(status) ? ["retry-after"] : [])];
  return {
    description: codes.map((code) => `\`${code}\`: ${ERROR_MEANINGS[code]}`).join("\n\n"),
    headers: Object.fromEntries(headers.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
    content: {
      "application/json": {
        schema: {
          allOf: [
            { $ref: "#/components/schemas/Error" },
            {
              type: "object",
              properties: { error: { type: "object", properties: { code: { enum: [...codes] } } } },
            },
          ],
        },
      },
    },
  };
}
