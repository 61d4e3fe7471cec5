/** From what a client asks for to a session that may be opened: permission, model, and what is held back for it. */

import { type Principal, requireModel, requirePermission } from "../accounts/principal.ts";
import { ApiError } from "../protocol/error.ts";
import type { Json } from "../protocol/task.ts";
import type { SessionDraft } from "./session-store.ts";
import { reservationOf } from "./usage/session-price.ts";
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

export class VoiceAdmission {
  readonly #options: VoiceAdmissionOptions;

  constructor(options: VoiceAdmissionOptions) {
    this.#options = options;
  }

  get models(): VoiceModels {
    return this.#options.models;
  }

  /** Throws `permission_denied`, `model_not_found`, `model_not_allowed`, or `not_supported` by what the model cannot do. */
  admit({ principal, intent, customer, beta, session, transport, ...asked }: VoiceRequest): VoiceOpening {
    requirePermission(principal, "realtime");
    const { models, defaultModel, defaults, newSessionId } = this.#options;
    const name = asked.model ?? defaultModel;
    const model = models.resolve(name);
    requireModel(principal, name, model.name);
    if (intent === "transcription") this.#require(model, "transcription", "transcription sessions");
    if (transport === "webrtc") this.#require(model, "webrtc", "WebRTC calls");
    return {
      draft: {
        id: newSessionId(),
        ...principal.tenant,
        customer,
        provider: model.provider.name,
        model: name,
        reservedMicros: reservationOf(model.price),
        price: model.price.kind === "free" ? null : (model.price as unknown as Json),
      },
      model: name,
      modelName: model.name,
      intent,
      beta,
      session: { ...defaults, ...session },
    };
  }

  #require(model: VoiceModel, ability: "transcription" | "webrtc", what: string): void {
    if (model.provider.capabilities[ability]) return;
    const able = this.models.list().filter(({ provider }) => provider.capabilities[ability]);
    const others = able.length === 0 ? "None that is offered here does" : `Those that do: ${shown(able)}`;
    throw new ApiError("not_supported", `${model.name} takes no ${what}. ${others}.`, { param: "model" });
  }
}

function shown(models: readonly VoiceModel[]): string {
  return models
    .slice(0, SHOWN_MODELS)
    .map(({ name }) => name)
    .join(", ");
}
