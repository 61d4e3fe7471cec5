/** The voice sessions of a process: what opens and ends them, and what looks after those of processes that died. */

import type { Hono } from "hono";
import type { EphemeralKeys } from "../../accounts/ephemeral/ephemeral-keys.ts";
import type { Settings } from "../../config/load.ts";
import type { HttpEnv, HttpMiddleware } from "../../http/exchange.ts";
import type { KeyLookup } from "../../http/middleware/credentials.ts";
import type { OriginPolicy } from "../../http/middleware/origin-policy.ts";
import { mountRealtime } from "../../http/routes/realtime/realtime.ts";
import { mountRealtimeCalls } from "../../http/routes/realtime/realtime-calls.ts";
import { mountRealtimeSessions } from "../../http/routes/realtime/realtime-sessions.ts";
import { mountSessionArtefacts } from "../../http/routes/realtime/session-artefacts.ts";
import { ArtefactFiles } from "../../realtime/artefacts/artefact-files.ts";
import type { HangUp } from "../../realtime/calls/hang-up.ts";
import type { VoiceHealth } from "../../realtime/routing/voice-route.ts";
import { END } from "../../realtime/session/endings.ts";
import { announceSessionEnd, onSessionEnd } from "../../realtime/session-endings-bus.ts";
import type { Session, SessionStore } from "../../realtime/session-store.ts";
import { LostSessionSweep } from "../../realtime/usage/lost-sessions.ts";
import { sessionCost, sessionPriceOf } from "../../realtime/usage/session-price.ts";
import type { VoiceAdmission } from "../../realtime/voice-admission.ts";
import type { VoiceService } from "../../realtime/voice-service.ts";
import type { VoiceWatch } from "../../realtime/voice-watch.ts";
import type { SocketUpgrade } from "../../sockets/socket-upgrade.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { InstanceBus } from "../../tasks/ports/instance-bus.ts";
import type { Log } from "../../tasks/ports/log.ts";
import type { MediaStore } from "../../tasks/ports/media-store.ts";
import {
  createHangUp,
  createVoice,
  createVoiceAdmission,
  localVoiceSockets,
  type VoiceHost,
} from "./voice.ts";

export type ProcessVoiceDependencies = {
  readonly settings: Settings;
  readonly store: SessionStore;
  readonly media: MediaStore;
  readonly clock: Clock;
  readonly log: Log;
  /** How providers are reached; absent where no voice sessions are offered. */
  readonly host: VoiceHost | undefined;
  /** Tells other processes that share the store; null where there are none, or nothing connects them. */
  readonly bus: InstanceBus | null;
  readonly embedded: boolean;
  readonly health: VoiceHealth;
  readonly watch: VoiceWatch;
};

const SECOND_MS = 1_000;
/** A call whose sideband died with its process goes on without being metered: it is looked for so often, ms. */
const LOST_CALLS_MS = 60_000;

export class ProcessVoice {
  readonly admission: VoiceAdmission;
  /** Null where no voice sessions are offered. */
  readonly service: VoiceService | null;
  readonly #dependencies: ProcessVoiceDependencies;
  readonly #artefacts: ArtefactFiles;
  readonly #hangUp: HangUp | null;
  readonly #lost: LostSessionSweep;

  constructor(dependencies: ProcessVoiceDependencies) {
    this.#dependencies = dependencies;
    const { settings, store, media, clock, log, host, embedded, health, watch } = dependencies;
    this.admission = createVoiceAdmission(settings, clock);
    this.#artefacts = new ArtefactFiles(media);
    const { models } = this.admission;
    this.service =
      host === undefined
        ? null
        : createVoice({
            ...{ settings, models, store, clock, log, host, embedded, health, watch },
            artefacts: this.#artefacts,
          });
    this.#hangUp = host === undefined ? null : createHangUp({ models, clock, log }, host.fetch);
    this.#lost = new LostSessionSweep(
      { store, clock, log, hangUp: this.#hangUp },
      Math.min(settings.realtime.staleSweepSeconds * SECOND_MS, LOST_CALLS_MS),
    );
  }

  /** Mounts the routes; `key` and `admin` authenticate. */
  mount(
    app: Hono<HttpEnv>,
    key: HttpMiddleware,
    admin: HttpMiddleware,
    parts: {
      readonly keys: KeyLookup;
      readonly ephemeralKeys: Pick<EphemeralKeys, "sessionOf">;
      readonly sockets: SocketUpgrade;
      readonly origins: OriginPolicy;
    },
  ): void {
    const { service, admission: voice } = this;
    const { store } = this.#dependencies;
    if (service === null) return;
    const endSession = (session: Session) => this.#end(service, session);
    const usedNow = (id: string) => service.usedNow(id);
    mountRealtimeSessions(app, key, admin, { store, endSession, usedNow });
    mountSessionArtefacts(app, key, { store, artefacts: this.#artefacts });
    mountRealtime(app, { ...parts, voice, store, sockets: localVoiceSockets(service, parts.sockets) });
    mountRealtimeCalls(app, key, {
      ephemeralKeys: parts.ephemeralKeys,
      voice,
      store,
      makeCall: (opening, sdp) => service.calls.make(opening, sdp),
      endSession,
    });
  }

  start(): void {
    const { bus } = this.#dependencies;
    const { service } = this;
    if (bus !== null && service !== null) void onSessionEnd(bus, (id) => service.close(id, END.terminated));
    this.#lost.start();
  }

  /** No session is opened from here on, and none is looked for that was lost; those that are open stay. */
  stopOpening(): void {
    this.service?.stopOpening();
    this.#lost.stop();
  }

  /** Ends a session here, or wherever its sockets are. */
  async #end(service: VoiceService, session: Session): Promise<void> {
    const { id, fence, price, counters, provider, account, callId } = session;
    const { bus, store } = this.#dependencies;
    if (service.close(id, END.terminated)) return;
    if (bus !== null) {
      announceSessionEnd(bus, id);
      return;
    }
    // Nobody can be told: whoever holds it finds out when it renews its lease.
    if (callId !== null) await this.#hangUp?.once({ sessionId: id, provider, account, callId });
    await store.endSession(id, fence, {
      closeReason: END.terminated.reason,
      counters,
      costMicros: sessionCost(sessionPriceOf(price), counters),
    });
  }
}
