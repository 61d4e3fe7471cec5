/**
 * Where a session goes: its leg towards the provider of the moment and, as long as it may still go elsewhere, what another provider
 * would have to be told.
 */

import type { Dialer } from "../../sockets/dialer.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { SessionNeeds } from "../routing/session-needs.ts";
import type { VoiceRoute, VoiceWay } from "../routing/voice-route.ts";
import type { WayFailure } from "../routing/way-failure.ts";
import type { SessionPlan } from "../translator.ts";
import type { VoiceModel } from "../voice-models.ts";
import type { ClientEvent } from "./client-event.ts";
import { ClientReplay } from "./client-replay.ts";
import { type LegOwner, ProviderLeg } from "./provider-leg.ts";
import type { UpstreamCall } from "./upstream-link.ts";

export type SessionWaysDependencies = {
  readonly plan: Omit<SessionPlan, "endpoint" | "providerModel">;
  /** What the session asks of its model, as far as it is known when it opens. */
  readonly needs: SessionNeeds;
  /** Where it goes, and where else. Its providers are prepared. */
  readonly route: Pick<VoiceRoute, "way" | "answered" | "failed" | "hasOther" | "next">;
  readonly dialer: Dialer;
  readonly call: UpstreamCall;
  readonly clock: Clock;
  /** `connectMs`: how long the provider may take to answer. */
  readonly limits: { readonly connectMs: number };
  newId(prefix: string): string;
};

/** A provider that there is another one for is given this part of the time that the last one has. */
const TRIAL_SHARE = 0.5;
const NO_ANSWER: WayFailure = { kind: "refused", status: null, retryAfterMs: null };
const NO_ACCOUNT: WayFailure = { kind: "refused", status: 401, retryAfterMs: null };

export class SessionWays {
  readonly #dependencies: SessionWaysDependencies;
  readonly #owner: LegOwner;
  #leg: ProviderLeg;
  /** Null: the session stays where it is. */
  #replay: ClientReplay | null;

  constructor(dependencies: SessionWaysDependencies, owner: LegOwner) {
    this.#dependencies = dependencies;
    this.#owner = owner;
    this.#replay = new ClientReplay(dependencies.needs);
    this.#leg = this.#newLeg();
    if (!this.#leg.isOnTrial) this.#replay = null;
  }

  get leg(): ProviderLeg {
    return this.#leg;
  }

  get model(): VoiceModel {
    return this.#dependencies.route.way.model;
  }

  /** The provider took the session. */
  answered(): void {
    this.#dependencies.route.answered();
  }

  /** Keeps what the client said, for another provider. Once it is more than is kept, the session stays where it is. */
  remember(message: ClientEvent | Uint8Array): void {
    if (this.#replay?.keep(message) === false) this.#leg.settle();
  }

  /** The session stays where it is. */
  stay(): void {
    this.#replay = null;
  }

  /** Whether the session would go elsewhere after such a failure. Changes nothing. */
  mayMove(failure: WayFailure): boolean {
    return this.#replay !== null && this.#dependencies.route.hasOther(failure, this.#replay.needs);
  }

  /**
   * Goes another way after such a failure of this one, and tells the provider there all that the client has said; `moved` is called
   * before that. False when there is none; what the failure says of the account is noted even so.
   */
  move(failure: WayFailure, moved: (way: VoiceWay) => void): boolean {
    const { route } = this.#dependencies;
    const replay = this.#replay;
    if (replay === null) {
      if (failure.kind === "refused") route.failed(failure);
      return false;
    }
    const way = route.next(failure, replay.needs);
    if (way === null) return false;
    this.#leg.drop();
    this.#leg = this.#newLeg();
    moved(way);
    const { translator, isOnTrial } = this.#leg;
    if (!isOnTrial) this.#replay = null;
    this.#owner.guard(() => {
      translator.start();
      for (const message of replay.messages())
        if (message instanceof Uint8Array) translator.audioFromClient(message);
        else translator.fromClient(message);
    });
    return true;
  }

  #newLeg(): ProviderLeg {
    const { route, plan, dialer, call, clock, limits, newId } = this.#dependencies;
    const { model, endpoint } = route.way;
    // What nobody connects to is always there, and never says that it is.
    const isBuiltIn = endpoint.baseUrl === "";
    const elsewhere = !isBuiltIn && this.mayMove(NO_ANSWER);
    const onTrial = elsewhere || (!isBuiltIn && this.mayMove(NO_ACCOUNT));
    return new ProviderLeg(
      {
        plan: { ...plan, endpoint, providerModel: model.providerModel },
        provider: model.provider,
        ...{ dialer, call, clock, newId },
        connectMs: elsewhere ? limits.connectMs * TRIAL_SHARE : limits.connectMs,
        isElsewhere: onTrial ? (failure) => this.mayMove(failure) : null,
      },
      this.#owner,
    );
  }
}
