/** From what a client asks for to a session that may be opened: permission, model, and what is held back for it. */

import { allowsModel, requireModel, requirePermission } from "../accounts/permissions.ts";
import type { Principal } from "../accounts/principal.ts";
import { ApiError } from "../protocol/error.ts";
import type { Json } from "../protocol/task.ts";
import { meets, needsOf, type SessionNeeds } from "./routing/session-needs.ts";
import { merge } from "./session/session-config.ts";
import type { SessionDraft } from "./session-store.ts";
import { withoutFlatFields } from "./translators/beta-names.ts";
import { reservationOf, storedPrice } from "./usage/session-price.ts";
import type { VoiceModel, VoiceModels } from "./voice-models.ts";

/** What a client asks for. */
export type VoiceRequest = {
  readonly principal: Principal;
  /** Null: the default. */
  readonly model: string | null;
  readonly intent: "conversation" | "transcription";
  readonly customer: string | null;
  /** The client speaks the beta names. */
  readonly beta: boolean;
  /** GA session fields that come with the key, or with the offer of a call. */
  readonly session: Readonly<Record<string, Json>>;
  /** How sound comes. */
  readonly transport: "socket" | "webrtc";
};

/** A request that was admitted: everything a session is opened with, wherever that happens. JSON. */
export type VoiceOpening = {
  readonly draft: SessionDraft;
  /** The name the client used. */
  readonly model: string;
  /** The full name of the model it leads to. */
  readonly modelName: string;
  /** Those of the models that stand in for it, in order. */
  readonly fallbacks: readonly string[];
  readonly intent: "conversation" | "transcription";
  readonly beta: boolean;
  readonly session: Readonly<Record<string, Json>>;
};

export type VoiceAdmissionOptions = {
  readonly models: VoiceModels;
  /** The model of a session that names none. */
  readonly defaultModel: string;
  /** GA session fields of sessions that say nothing. */
  readonly defaults: Readonly<Record<string, Json>>;
  newSessionId(): string;
};

/** Models that a refusal names. */
const SHOWN_MODELS = 5;
/** A longer name of a voice is cut in a message. */
const SHOWN_CHARACTERS = 100;

export class VoiceAdmission {
  readonly #options: VoiceAdmissionOptions;

  constructor(options: VoiceAdmissionOptions) {
    this.#options = options;
  }

  get models(): VoiceModels {
    return this.#options.models;
  }

  /**
   * Throws `permission_denied`, `model_not_found`, `model_not_allowed`, or `not_supported` by what neither the model nor one that
   * stands in for it can do.
   */
  admit({
    principal,
    intent,
    customer,
    beta,
    session: asked,
    transport,
    ...rest
  }: VoiceRequest): VoiceOpening {
    requirePermission(principal, "realtime");
    const { models, defaultModel, defaults, newSessionId } = this.#options;
    const name = rest.model ?? defaultModel;
    const model = models.resolve(name);
    requireModel(principal, name, model.name);
    const { type: _intent, ...fields } = withoutFlatFields(asked);
    const session = merge(defaults, fields);
    const [first, ...fallbacks] = this.#candidates(principal, model, needsOf(session, { intent, transport }));
    return {
      draft: {
        id: newSessionId(),
        ...principal.tenant,
        customer,
        provider: first.provider.name,
        account: null,
        model: name,
        reservedMicros: Math.max(...[first, ...fallbacks].map(({ price }) => reservationOf(price))),
        price: storedPrice(first.price),
      },
      model: name,
      modelName: first.name,
      fallbacks: fallbacks.map((one) => one.name),
      intent,
      beta,
      session,
    };
  }

  /** The model and those that stand in for it, as far as the key may use them and they do what is asked. */
  #candidates(
    principal: Principal,
    model: VoiceModel,
    needs: SessionNeeds,
  ): readonly [VoiceModel, ...VoiceModel[]] {
    const standIns = this.models.fallbacks(model).filter(
      (other) =>
        allowsModel(principal, other.name) &&
        meets(other.provider.capabilities, needs, {
          standsIn: true,
          sameVoices: other.provider.name === model.provider.name,
        }),
    );
    if (meets(model.provider.capabilities, needs, { standsIn: false, sameVoices: true }))
      return [model, ...standIns];
    const [first, ...others] = standIns;
    if (first === undefined) throw this.#unable(model, needs);
    return [first, ...others];
  }

  #unable(model: VoiceModel, needs: SessionNeeds): ApiError {
    const { capabilities } = model.provider;
    const lacking = ABILITIES.find(({ of }) => needs[of] === true && !capabilities[of]);
    if (lacking === undefined)
      return new ApiError(
        "not_supported",
        `${model.name} has no voice ${JSON.stringify(needs.voice?.slice(0, SHOWN_CHARACTERS))}. It has ${capabilities.voices?.join(", ") ?? "none"}.`,
        { param: "session.audio.output.voice" },
      );
    const able = this.models.list().filter(({ provider }) => provider.capabilities[lacking.of]);
    const others = able.length === 0 ? "None that is offered here does" : `Those that do: ${shown(able)}`;
    return new ApiError("not_supported", `${model.name} takes no ${lacking.what}. ${others}.`, {
      param: "model",
    });
  }
}

type Ability = {
  readonly of: Exclude<keyof SessionNeeds, "voice">;
  readonly what: string;
};

const ABILITIES: readonly Ability[] = [
  { of: "transcription", what: "transcription sessions" },
  { of: "webrtc", what: "WebRTC calls" },
  { of: "tools", what: "tools" },
  { of: "imageInput", what: "pictures" },
];

function shown(models: readonly VoiceModel[]): string {
  return models
    .slice(0, SHOWN_MODELS)
    .map(({ name }) => name)
    .join(", ");
}
