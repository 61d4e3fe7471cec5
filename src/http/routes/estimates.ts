/** `POST /v1/estimate`: what a create request would hold back, without making anything. */

import type { Hono } from "hono";
import { z } from "zod";
import { admit } from "../../accounts/admission.ts";
import { wirePrice } from "../../accounts/prices/wire-price.ts";
import type { GivenInput } from "../../inputs/given-input.ts";
import type { WireEstimate } from "../../protocol/model.ts";
import { TASK_TYPES, type TaskType } from "../../protocol/task.ts";
import { dollars } from "../../tasks/dollars.ts";
import type { UsualDurations } from "../../tasks/engine/usual-durations.ts";
import type { ModelCatalogue } from "../../tasks/ports/model-catalogue.ts";
import type { JobRequest } from "../../tasks/task.ts";
import {
  type CreationLimits,
  imageCreationSchema,
  videoCreationSchema,
} from "../creation/creation-schema.ts";
import { givenInputs, type InputFields } from "../creation/input-fields.ts";
import { type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";
import { jsonBody, validBody } from "../request/body.ts";
import { firstIssue } from "../request/schema-issue.ts";
import { imageRequest } from "./images.ts";
import { videoRequest } from "./videos.ts";

export type EstimateRouteDependencies = {
  models: Pick<ModelCatalogue, "resolve" | "fallbacks">;
  limits: CreationLimits & { jsonBodyBytes: number };
  durations: Pick<UsualDurations, "usualMs">;
};

/** Mounts the route; `key` authenticates. It refuses what the create would, but for a budget that is used up. */
export function mountEstimates(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  { models, limits, durations }: EstimateRouteDependencies,
): void {
  const types = `"${TASK_TYPES.join('" or "')}"`;
  const typed = z.looseObject({ type: z.enum(TASK_TYPES, { error: types }) });
  const images = imageCreationSchema(limits);
  const videos = videoCreationSchema(limits);
  const read = {
    image: (body: unknown) => {
      const creation = validated(images, body);
      return { ...creation, request: imageRequest(creation, false), inputs: inputsOf(creation) };
    },
    video: (body: unknown) => {
      const creation = validated(videos, body);
      return { ...creation, request: videoRequest(creation), inputs: inputsOf(creation) };
    },
  } satisfies Record<
    TaskType,
    (body: unknown) => { model: string; request: JobRequest; inputs: GivenInput[] }
  >;

  app.post("/v1/estimate", key, jsonBody(limits.jsonBodyBytes), validBody(typed), (c) => {
    const { type, ...body } = c.req.valid("json");
    const { model, request, priority, inputs } = read[type](body);
    const { price, submission } = admit(
      principalOfExchange(c),
      {
        type,
        model,
        request,
        priority,
        timeoutMs: null,
        metadata: {},
        baseUrl: "",
        retryOf: null,
        customer: null,
        webhook: null,
        inputs,
      },
      models,
      null,
    );
    const { reservedMicros, dearest } = price;
    const usualMs = durations.usualMs({ ...submission, candidate: 0, inputs });
    const answer: WireEstimate = {
      reserved: dollars(reservedMicros),
      currency: "USD",
      price: wirePrice(dearest.pricing),
      usualSeconds: usualMs === null ? null : Math.round(usualMs / 100) / 10,
    };
    return c.json(answer);
  });
}

/** What is handed in is counted and not fetched: it does not matter whose address an input has. */
function inputsOf(fields: InputFields): GivenInput[] {
  return givenInputs(fields, []);
}

function validated<Out>(schema: z.ZodType<Out>, body: unknown): Out {
  const result = schema.safeParse(body);
  if (!result.success) throw firstIssue(result.error, body);
  return result.data;
}
