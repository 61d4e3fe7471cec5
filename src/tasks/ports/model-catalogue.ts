/** The port of the model catalogue: which models are offered, and where a name leads. */

import type { ModelCapabilities, WireModel } from "../../protocol/model.ts";
import type { Json, TaskType } from "../../protocol/task.ts";
import type { JobRequest } from "../task.ts";
import type { JobPrice } from "./price.ts";

/** A model that can be asked for. */
export type OfferedModel = {
  /** `<provider>/<providerModel>`. */
  readonly name: string;
  readonly provider: string;
  /** The provider's own name of the model. */
  readonly providerModel: string;
  readonly capabilities: ModelCapabilities;
  /** A model is either priced or declared free; there is no third way to offer one. */
  readonly pricing: JobPrice;
  /** The operator set the price: it decides what is charged, whatever the provider says that it bills. */
  readonly ownPrice: boolean;
  /** When it became available, Unix seconds. */
  readonly created: number;
  /** What is wrong with these `provider_options`, one sentence; null when nothing is. Their names are known already. */
  readonly checkOptions: OptionCheck;
  /** Absent: what fits the capabilities fits. */
  readonly checkRequest?: RequestCheck | undefined;
};

/** A model by one of its names, as clients are shown it. */
export type ListedModel = Omit<WireModel, "parameters">;

/**
 * What is wrong with a request whose fields fit the model one by one, such as a duration that another field rules out; null when
 * nothing is.
 */
export type RequestCheck = (
  request: JobRequest,
) => { readonly param: string; readonly message: string } | null;

export type OptionCheck = (options: Readonly<Record<string, Json>>) => string | null;

/** A name that is known and leads to no model here, and why: one sentence for the operator. */
export type UnofferedModel = { readonly id: string; readonly reason: string };

export interface ModelCatalogue {
  /**
   * The model a name leads to, for work of this type. Throws `model_not_found`, or `model_retired` naming the
   * successor; both with `param: "model"`.
   */
  resolve(name: string, type: TaskType): OfferedModel;
  /** The models that the operator put behind this one, in their order; all make the same type of thing. */
  fallbacks(model: OfferedModel): readonly OfferedModel[];
  /** Every name that works, models before aliases. */
  list(): readonly ListedModel[];
}
