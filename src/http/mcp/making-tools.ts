/** The tools that make something, and the one that says what it would cost. */

import { z } from "zod";
import { ApiError } from "../../protocol/error.ts";
import type { JsonSchema, WireEstimate } from "../../protocol/model.ts";
import { TASK_TYPES, type TaskType, type WireAccepted } from "../../protocol/task.ts";
import type { CreationLimits } from "../creation/creation-schema.ts";
import { estimate } from "../reference/answers/models.ts";
import { validFields } from "../request/body.ts";
import { IDEMPOTENCY_KEY_SHAPE, isIdempotencyKey } from "../request/idempotency-claim.ts";
import { type CreationKind, creationArguments, requireKnown, TYPE_OF_KIND } from "./creation-arguments.ts";
import { argumentsOf, type GatewayTool, inputSchema, MAKES, outputSchema, READS } from "./tool.ts";
import { toolTaskSchema } from "./tool-results.ts";
import { waitField } from "./wait-field.ts";

const CREATE_PATHS: Readonly<Record<TaskType, string>> = {
  image: "/v1/images/generations/async",
  video: "/v1/videos/generations/async",
};

const callSchema = z.looseObject({
  wait_seconds: waitField,
  idempotency_key: z
    .string({ error: IDEMPOTENCY_KEY_SHAPE })
    .refine(isIdempotencyKey, { error: IDEMPOTENCY_KEY_SHAPE })
    .meta({
      description:
        "Say the same one when a call is repeated, and nothing is made twice within a day. Default: every call makes something.",
    })
    .optional(),
});
const types = `"${TASK_TYPES.join('" or "')}"`;
const typeSchema = z.looseObject({ type: z.enum(TASK_TYPES, { error: types }) });

const NAMES: Readonly<Record<CreationKind, { name: string; title: string; description: string }>> = {
  image: {
    name: "generate_image",
    title: "Generate pictures",
    description: "Makes pictures from a text.",
  },
  edit: {
    name: "edit_image",
    title: "Edit a picture",
    description: "Makes pictures from a picture and a text that says what is to change.",
  },
  video: {
    name: "generate_video",
    title: "Generate a film",
    description: "Makes a short film from a text, or from a picture that it begins with.",
  },
};
const WAITING =
  "It becomes a task that goes on whoever waits for it: the answer has its task_id, and the links to the files once it has completed.";

export function makingTools(limits: CreationLimits): GatewayTool[] {
  return [
    makingTool("image", limits),
    makingTool("edit", limits),
    makingTool("video", limits),
    estimating(limits),
  ];
}

function makingTool(kind: CreationKind, limits: CreationLimits): GatewayTool {
  const { name, title, description } = NAMES[kind];
  const type = TYPE_OF_KIND[kind];
  const fields = { ...creationArguments(kind, limits), ...argumentsOf(callSchema).properties };
  const known = Object.keys(fields);
  return {
    listed: {
      name,
      title,
      description: `${description} ${WAITING}`,
      inputSchema: inputSchema(fields, kind === "edit" ? ["prompt", "model", "image"] : ["prompt", "model"]),
      outputSchema: outputSchema(toolTaskSchema),
      annotations: MAKES,
    },
    async run({ given, gateway, signal }) {
      requireKnown(given, known);
      const {
        wait_seconds: waitSeconds,
        idempotency_key: idempotencyKey,
        ...body
      } = validFields(callSchema, {
        ...given,
      });
      if (kind === "edit") requirePicture(body);
      const call = { body, idempotencyKey, signal };
      const { answer, replayed } = await gateway.create<WireAccepted>(CREATE_PATHS[type], call);
      return { kind: "accepted", taskId: answer.taskId, waitSeconds, begun: !replayed };
    },
  };
}

function estimating(limits: CreationLimits): GatewayTool {
  const fields: Record<string, JsonSchema> = {
    ...argumentsOf(typeSchema).properties,
    ...creationArguments("edit", limits),
    ...creationArguments("video", limits),
    // Its bounds depend on the type, and it costs nothing.
    timeout_seconds: { type: "number" },
  };
  const known = Object.keys(fields);
  return {
    listed: {
      name: "estimate",
      title: "Estimate the cost",
      description:
        "What a picture or film would cost at most, without making it. Takes what making it takes.",
      inputSchema: inputSchema(fields, ["type", "prompt", "model"]),
      outputSchema: outputSchema(estimate),
      annotations: READS,
    },
    async run({ given, gateway, signal }) {
      requireKnown(given, known);
      const call = { body: validFields(typeSchema, { ...given }), signal };
      const answer = await gateway.json<WireEstimate>("POST", "/v1/estimate", call);
      return { kind: "answer", answer };
    },
  };
}

function requirePicture({ image }: Record<string, unknown>): void {
  if (image !== undefined) return;
  throw new ApiError(
    "missing_parameter",
    'image is required: an https address, a data URL, or {"task_id": "…"} of the picture to edit.',
    { param: "image" },
  );
}
