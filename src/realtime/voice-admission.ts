/** From what a client asks for to a session that may be opened: permission, model, and what is held back for it. */

import { type Principal, requireModel, requirePermission } from "../accounts/principal.ts";
import type { Json } from "../protocol/task.ts";
import type { SessionDraft } from "./session-store.ts";
import { reservationOf } from "./usage/session-price.ts";
import type { VoiceModels } from "./voice-models.ts";

/** What a client asks for. */
export type VoiceRequest = {
  readonly principal: Principal;
  /** Null: the default. */
  readonly model: string | null;
  readonly intent: "conversation" | "transcription";
  readonly customer: string | null;
  /** The client speaks the beta names. */
  readonly beta: boolean;
  /** GA session fields that come with the key. */
  readonly session: Readonly<Record<string, Json>>;
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

export class VoiceAdmission {
  readonly #options: VoiceAdmissionOptions;

  constructor(options: VoiceAdmissionOptions) {
    this.#options = options;
  }

  get models(): VoiceModels {
    return this.#options.models;
  }

  /** Throws `permission_denied`, `model_not_found` or `model_not_allowed`. */
  admit({ principal, intent, customer, beta, session, ...asked }: VoiceRequest): VoiceOpening {
    requirePermission(principal, "realtime");
    const { models, defaultModel, defaults, newSessionId } = this.#options;
    const name = asked.model ?? defaultModel;
    const model = models.resolve(name);
    requireModel(principal, name, model.name);
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
}
