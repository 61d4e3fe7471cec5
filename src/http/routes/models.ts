/** `/v1/models`: what is offered, in OpenAI's shape with capabilities, parameters, prices and aliases. */

import type { Hono } from "hono";
import { allowsModel } from "../../accounts/permissions.ts";
import { ApiError } from "../../protocol/error.ts";
import type { WireAdminModelList, WireModelList, WireVoiceModel } from "../../protocol/model.ts";
import type { ListedModel, ModelCatalogue, UnofferedModel } from "../../tasks/ports/model-catalogue.ts";
import type { CreationParameters } from "../creation/creation-parameters.ts";
import { type HttpContext, type HttpEnv, type HttpMiddleware, principalOfExchange } from "../exchange.ts";
import { describeReceived } from "../request/schema-issue.ts";

const LIST = "/v1/models";

/** Mounts the routes for the caller's own models; `key` authenticates. */
export function mountModels(
  app: Hono<HttpEnv>,
  key: HttpMiddleware,
  models: Pick<ModelCatalogue, "list">,
  parameters: CreationParameters,
  voices: readonly WireVoiceModel[],
): void {
  app.get(LIST, key, (c) => c.json(listOfModels(allowed(c, models.list()), parameters, allowed(c, voices))));

  // An id holds slashes, so it is whatever follows.
  app.get(`${LIST}/:id{.+}`, key, (c) => {
    const id = c.req.param("id");
    const model = allowed(c, models.list()).find((known) => known.id === id);
    if (model !== undefined) return c.json({ ...model, parameters: parameters(model) });
    const voice = allowed(c, voices).find((known) => known.id === id);
    if (voice !== undefined) return c.json(voice);
    throw new ApiError(
      "model_not_found",
      `There is no model ${describeReceived(id)} for this key. GET /v1/models lists them.`,
      {
        param: "model",
      },
    );
  });
}

/** Mounts the administrator's view: every model, and what is known and not offered; `admin` authenticates. */
export function mountAdminModels(
  app: Hono<HttpEnv>,
  admin: HttpMiddleware,
  models: Pick<ModelCatalogue, "list"> & { notOffered(): readonly UnofferedModel[] },
  parameters: CreationParameters,
  voices: readonly WireVoiceModel[],
): void {
  app.get("/admin/v1/models", admin, (c) =>
    c.json({
      ...listOfModels(models.list(), parameters, voices),
      notOffered: models.notOffered(),
    } satisfies WireAdminModelList),
  );
}

function listOfModels(
  models: readonly ListedModel[],
  parameters: CreationParameters,
  voices: readonly WireVoiceModel[],
): WireModelList {
  return {
    object: "list",
    data: [...models.map((model) => ({ ...model, parameters: parameters(model) })), ...voices],
  };
}

/** What the key may use: a model is allowed under its own name and under every name that leads to it. */
function allowed<Model extends { id: string; aliasOf: string | null }>(
  c: HttpContext,
  models: readonly Model[],
): readonly Model[] {
  const principal = principalOfExchange(c);
  return models.filter(
    ({ id, aliasOf }) => allowsModel(principal, id) || (aliasOf !== null && allowsModel(principal, aliasOf)),
  );
}
