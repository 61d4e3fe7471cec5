/** The routes of models and prices. */

import { adminModelList, estimate, model, modelList, providerList } from "../answers/models.ts";
import { json, type Operation } from "../operation.ts";
import { inPath } from "../parameters.ts";

export const MODELS: readonly Operation[] = [
  {
    method: "get",
    path: "/v1/models",
    id: "listModels",
    tag: "Models",
    summary: "List the models that the key may use",
    access: "key",
    answers: { 200: json("OpenAI's list, with capabilities, parameters and prices.", modelList) },
  },
  {
    method: "get",
    path: "/v1/models/{id}",
    id: "readModel",
    tag: "Models",
    summary: "Read a model",
    access: "key",
    parameters: [inPath("id", "The model's name; it may have slashes.")],
    answers: { 200: json("The model.", model) },
    errors: ["model_not_found"],
  },
  {
    method: "post",
    path: "/v1/estimate",
    id: "estimate",
    tag: "Models",
    summary: "Ask what a request may cost",
    description: "Refuses what the create would refuse, but for a budget that is used up, and makes nothing.",
    access: "key",
    body: { form: "json", schema: "EstimateRequest" },
    answers: { 200: json("What the create would hold back.", estimate) },
    errors: [
      "missing_parameter",
      "not_supported",
      "permission_denied",
      "model_not_allowed",
      "model_not_found",
      "model_retired",
    ],
  },
  {
    method: "get",
    path: "/admin/v1/models",
    id: "listAllModels",
    tag: "Administration",
    summary: "List every model, and what is not offered",
    access: "admin",
    answers: { 200: json("Every model.", adminModelList) },
  },
  {
    method: "get",
    path: "/admin/v1/providers",
    id: "listProviders",
    tag: "Administration",
    summary: "List providers, and how their accounts are doing",
    access: "admin",
    answers: { 200: json("Every provider.", providerList) },
  },
];
