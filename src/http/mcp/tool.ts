/** What a tool of the endpoint is, apart from how it is called. */

import type { Tool as ListedTool, ToolAnnotations } from "@modelcontextprotocol/server";
import { z } from "zod";
import type { JsonSchema } from "../../protocol/model.ts";
import type { WireTask } from "../../protocol/task.ts";
import type { GatewayCalls } from "./gateway-calls.ts";

export type ToolCall = {
  /** As they came; a tool checks them itself. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly gateway: GatewayCalls;
  /** Aborted when the caller has left. */
  readonly signal: AbortSignal;
};

export type ToolOutcome =
  /** A task was accepted, which the call may wait for; `begun` by this call, and not by one that it repeats. */
  | {
      readonly kind: "accepted";
      readonly taskId: string;
      readonly waitSeconds: number;
      readonly begun: boolean;
    }
  /** A task that is there already, which the call may wait for too. */
  | { readonly kind: "task"; readonly taskId: string; readonly waitSeconds: number }
  /** A task as it is. */
  | { readonly kind: "read"; readonly task: WireTask }
  | { readonly kind: "tasks"; readonly tasks: readonly WireTask[]; readonly after: string | null }
  | { readonly kind: "answer"; readonly answer: Record<string, unknown> };

export interface GatewayTool {
  readonly listed: ListedTool;
  /** Rejects with the `ApiError` of what is wrong. */
  run(call: ToolCall): Promise<ToolOutcome>;
}

export const READS: ToolAnnotations = { readOnlyHint: true, openWorldHint: false };
export const MAKES: ToolAnnotations = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: true,
};
export const ENDS: ToolAnnotations = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: true,
  openWorldHint: false,
};

/** The schema of an answer as tools are listed with it. Clients remember it, and a later release may answer more. */
export function outputSchema(schema: z.ZodType): ListedTool["outputSchema"] {
  const { $schema: _, ...described } = z.toJSONSchema(schema, {
    io: "output",
    override: ({ jsonSchema }) => {
      delete jsonSchema.additionalProperties;
    },
  });
  return { ...described, type: "object" };
}

/** The arguments that a zod schema takes, as tools are listed with them. */
export function argumentsOf(schema: z.ZodType): {
  properties: Readonly<Record<string, JsonSchema>>;
  required: readonly string[];
} {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input" }) as JsonSchema;
  return { properties: properties as Record<string, JsonSchema>, required: required as string[] };
}

/** An object of these arguments and no others. */
export function inputSchema(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[],
): ListedTool["inputSchema"] {
  return {
    type: "object",
    properties: { ...properties },
    required: [...required],
    additionalProperties: false,
  };
}
