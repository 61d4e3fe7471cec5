/** The tools that look at tasks and models, and end tasks. */

import { z } from "zod";
import type { WireModel, WireModelList, WireVoiceModel } from "../../protocol/model.ts";
import { TASK_STATUSES, TASK_TYPES, type WireTask, type WireTaskPage } from "../../protocol/task.ts";
import { validFields } from "../request/body.ts";
import { argumentsOf, ENDS, type GatewayTool, inputSchema, outputSchema, READS } from "./tool.ts";
import { toolTaskSchema } from "./tool-results.ts";
import { waitField } from "./wait-field.ts";

const id = "the id of a task, as the call that made it answered it";
const taskIdField = z.string({ error: id }).min(1, id);
const oneOf = (words: readonly string[]) => `one of ${words.join(", ")}`;
const typeField = z.enum(TASK_TYPES, { error: oneOf(TASK_TYPES) }).optional();

const getSchema = z.strictObject({ task_id: taskIdField, wait_seconds: waitField });
const cancelSchema = z.strictObject({ task_id: taskIdField });
const limit = "a whole number from 1 to 100";
const statuses = `a list of ${TASK_STATUSES.join(", ")}`;
const listSchema = z.strictObject({
  status: z.array(z.enum(TASK_STATUSES, { error: oneOf(TASK_STATUSES) }), { error: statuses }).optional(),
  type: typeField,
  limit: z.int({ error: limit }).min(1, limit).max(100, limit).optional(),
  after: z
    .string({ error: "the after of the answer before" })
    .meta({ description: "The after of the answer before, for the next page." })
    .optional(),
});
const modelsSchema = z.strictObject({
  type: typeField,
  model: z
    .string({ error: "the id of a model" })
    .min(1, "the id of a model")
    .meta({ description: "Answers this one alone, with a JSON Schema of everything that it takes." })
    .optional(),
});

const taskPageSchema = z.object({
  tasks: z.array(toolTaskSchema).meta({ description: "Newest first." }),
  after: z.string().nullable().meta({ description: "Asks for the next page; null: there is none." }),
});
const modelPageSchema = z.object({
  models: z.array(z.looseObject({ id: z.string(), aliasOf: z.string().nullable(), provider: z.string() })),
});

export function readingTools(): GatewayTool[] {
  return [gettingTask, listingTasks, cancelling, listingModels];
}

const gettingTask: GatewayTool = {
  listed: {
    name: "get_task",
    title: "Read a task",
    description:
      "How a task is, with the links to its files once it has completed. Waits for its end if it can.",
    ...taking(getSchema),
    outputSchema: outputSchema(toolTaskSchema),
    annotations: READS,
  },
  async run({ given }) {
    const { task_id: taskId, wait_seconds: waitSeconds } = validFields(getSchema, { ...given });
    return { kind: "task", taskId, waitSeconds };
  },
};

const listingTasks: GatewayTool = {
  listed: {
    name: "list_tasks",
    title: "List tasks",
    description: "The tasks of this key, newest first.",
    ...taking(listSchema),
    outputSchema: outputSchema(taskPageSchema),
    annotations: READS,
  },
  async run({ given, gateway, signal }) {
    const { status, ...filter } = validFields(listSchema, { ...given });
    const query = { ...filter, status: status?.join(",") };
    const { data, hasMore, after } = await gateway.json<WireTaskPage>("GET", "/v1/tasks", { query, signal });
    return { kind: "tasks", tasks: data, after: hasMore ? after : null };
  },
};

const cancelling: GatewayTool = {
  listed: {
    name: "cancel_task",
    title: "Cancel a task",
    description:
      "Ends a task that is queued or running, at its provider too. What had not begun costs nothing.",
    ...taking(cancelSchema),
    outputSchema: outputSchema(toolTaskSchema),
    annotations: ENDS,
  },
  async run({ given, gateway, signal }) {
    const { task_id: taskId } = validFields(cancelSchema, { ...given });
    return { kind: "read", task: await gateway.json<WireTask>("DELETE", taskPath(taskId), { signal }) };
  },
};

const listingModels: GatewayTool = {
  listed: {
    name: "list_models",
    title: "List models",
    description: "The models that this key may use: what each makes and takes, and what it costs.",
    ...taking(modelsSchema),
    outputSchema: outputSchema(modelPageSchema),
    annotations: READS,
  },
  async run({ given, gateway, signal }) {
    const { type, model } = validFields(modelsSchema, { ...given });
    if (model !== undefined) {
      const path = `/v1/models/${model.split("/").map(encodeURIComponent).join("/")}`;
      return { kind: "answer", answer: { models: [await gateway.json<WireModel>("GET", path, { signal })] } };
    }
    const { data } = await gateway.json<WireModelList>("GET", "/v1/models", { signal });
    // Schemas of all parameters would be most of the answer; they are told of one model.
    const models = data.filter(isMaking).map(({ parameters: _, ...known }) => known);
    return {
      kind: "answer",
      answer: {
        models: models.filter(({ capabilities }) => type === undefined || capabilities.type === type),
      },
    };
  },
};

/** Where a task is read and ended. */
export function taskPath(taskId: string): string {
  return `/v1/tasks/${encodeURIComponent(taskId)}`;
}

function taking(schema: z.ZodType) {
  const { properties, required } = argumentsOf(schema);
  return { inputSchema: inputSchema(properties, required) };
}

/** Of pictures or films; voice is not made by tools. */
function isMaking(model: WireModel | WireVoiceModel): model is WireModel {
  return model.capabilities.type !== "realtime";
}
