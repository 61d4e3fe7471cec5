/** The body of a batch: its own fields, and of each request what the create of its type takes. */

import { z } from "zod";
import type { Order } from "../../accounts/admission.ts";
import type { GivenInput } from "../../inputs/given-input.ts";
import { ApiError } from "../../protocol/error.ts";
import { TASK_TYPES, type TaskType } from "../../protocol/task.ts";
import { MAX_BATCH_TASKS } from "../../tasks/batches/batch.ts";
import type { TaskWebhook } from "../../tasks/task.ts";
import { validFields } from "../request/body.ts";
import { describeReceived } from "../request/schema-issue.ts";
import { imageOrder, refuseStream } from "../routes/images.ts";
import { videoOrder } from "../routes/videos.ts";
import { refuseAccessToken } from "./access-token.ts";
import {
  type CreationLimits,
  imageCreationSchema,
  metadataField,
  videoCreationSchema,
  webhookTargetFields,
} from "./creation-schema.ts";
import { givenInputs, type InputFields } from "./input-fields.ts";
import { webhookOf } from "./webhook-fields.ts";

/** Pictures that the requests of one batch may hand in together. */
const MAX_BATCH_INPUTS = 100;

/** One request of a batch, as its create would read it. */
export type BatchItemOrder = Omit<Order, "baseUrl" | "inputs" | "customer"> & {
  readonly inputs: readonly GivenInput[];
};

export type ReadBatch = {
  readonly items: readonly BatchItemOrder[];
  readonly metadata: Record<string, string>;
  /** Of the batch's end alone; not judged yet. */
  readonly webhook: TaskWebhook | null;
};

/** Reads bodies under these limits. The reader throws what is wrong; `param` names the request: `requests.3.prompt`. */
export function batchReader(limits: CreationLimits): (body: unknown, bases: () => string[]) => ReadBatch {
  const schema = batchSchema(limits);
  const images = imageCreationSchema(limits);
  const videos = videoCreationSchema(limits);
  const orders: Record<TaskType, (fields: unknown, bases: () => string[]) => BatchItemOrder> = {
    image: (fields, bases) => {
      const creation = validFields(images, fields);
      refuseStream(creation);
      refuseAccessToken(creation);
      return { ...imageOrder(creation, false), inputs: inputsOf(creation, bases) };
    },
    video: (fields, bases) => {
      const creation = validFields(videos, fields);
      refuseAccessToken(creation);
      return { ...videoOrder(creation), inputs: inputsOf(creation, bases) };
    },
  };
  return (body, bases) => {
    const { requests, metadata = {}, ...hook } = validFields(schema, body);
    const items = requests.map((request, index) =>
      inItem(index, () => {
        if (typeof request !== "object" || request === null || Array.isArray(request))
          throw notAnObject(request);
        const { type, ...fields } = validFields(typed, request);
        return orders[type](fields, bases);
      }),
    );
    const inputs = items.reduce((sum, item) => sum + item.inputs.length, 0);
    if (inputs > MAX_BATCH_INPUTS) {
      throw new ApiError(
        "invalid_parameter",
        `The requests of a batch may hand in ${MAX_BATCH_INPUTS} pictures together; ${inputs} came. Send smaller batches.`,
        { param: "requests" },
      );
    }
    return { items, metadata, webhook: webhookOf(hook) };
  };
}

function notAnObject(came: unknown): ApiError {
  return new ApiError(
    "invalid_parameter",
    `a request must be an object such as {"type":"image","model":…,"prompt":…}; ${describeReceived(came)} came.`,
  );
}

const typed = z.looseObject({ type: z.enum(TASK_TYPES, { error: `"${TASK_TYPES.join('" or "')}"` }) });

/** The body of `POST /v1/batches`; each of the requests is read by the create schema of its type. */
export function batchSchema(limits: CreationLimits) {
  const requests = `a list of 1 to ${MAX_BATCH_TASKS} requests such as {"type":"image","model":…,"prompt":…}`;
  return z.strictObject({
    requests: z
      .array(z.unknown(), { error: requests })
      .min(1, { error: requests })
      .max(MAX_BATCH_TASKS, { error: requests }),
    metadata: metadataField(limits),
    ...webhookTargetFields(),
  });
}

function inputsOf(fields: InputFields, bases: () => string[]): GivenInput[] {
  const { image, images, mask } = fields;
  return image === undefined && images === undefined && mask === undefined
    ? []
    : givenInputs(fields, bases());
}

/** Does what is about one request; an error of it names the request. */
export function inItem<T>(index: number, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw errorOfItem(index, error);
  }
}

/** The error with the request it is about. What is no `ApiError` is answered as it is. */
export function errorOfItem(index: number, error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  const item = `requests.${index}`;
  const { code, message, param, retryAfterSeconds, shouldRetry } = error;
  const names = param !== null && param !== "" && message.startsWith(param);
  return new ApiError(code, names ? `${item}.${message}` : `${item}: ${message}`, {
    param: param === null || param === "" ? item : `${item}.${param}`,
    ...(retryAfterSeconds !== null && { retryAfterSeconds }),
    ...(shouldRetry !== null && { shouldRetry }),
    // The error's own cause, which most have not: what is wrong with a request is no failure here.
    cause: error.cause,
  });
}
