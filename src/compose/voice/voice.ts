/** Voice sessions as the settings have them: models, limits and the service that opens them. */

import type { Settings } from "../../config/load.ts";
import type { VoiceSockets } from "../../http/routes/realtime/realtime.ts";
import { ApiError } from "../../protocol/error.ts";
import type { Json } from "../../protocol/task.ts";
import { EXAMPLE_NAMES } from "../../providers/example-names.ts";
import { credentialsOf } from "../../providers/provider-settings.ts";
import type { ArtefactFiles } from "../../realtime/artefacts/artefact-files.ts";
import { ArtefactKeeper, type ArtefactKeeperOptions } from "../../realtime/artefacts/artefact-keeper.ts";
import type { WitnessMaker } from "../../realtime/artefacts/witness.ts";
import { createCallHttp } from "../../realtime/calls/call-http.ts";
import { HangUp } from "../../realtime/calls/hang-up.ts";
import type { VoiceHealth } from "../../realtime/routing/voice-route.ts";
import { merge } from "../../realtime/session/session-config.ts";
import { createUpstreamCall, type VoiceFetch } from "../../realtime/session/upstream-call.ts";
import type { VoiceServiceOptions } from "../../realtime/session-opening.ts";
import type { SessionStore } from "../../realtime/session-store.ts";
import { betaNames, gaSession } from "../../realtime/translators/beta-names.ts";
import { ProviderBills } from "../../realtime/usage/provider-bills.ts";
import type { SessionJournal } from "../../realtime/usage/session-journal.ts";
import { VoiceAdmission } from "../../realtime/voice-admission.ts";
import { VoiceModels } from "../../realtime/voice-models.ts";
import { createVoiceOffers } from "../../realtime/voice-offers.ts";
import { VoiceService } from "../../realtime/voice-service.ts";
import type { VoiceWatch } from "../../realtime/voice-watch.ts";
import type { Dialer } from "../../sockets/dialer.ts";
import type { SocketUpgrade } from "../../sockets/socket-upgrade.ts";
import { createTaskIds } from "../../tasks/ids.ts";
import type { Clock } from "../../tasks/ports/clock.ts";
import type { Log } from "../../tasks/ports/log.ts";

/** What a host brings so that the gateway can talk to voice providers. */
export type VoiceHost = {
  readonly dialer: Dialer;
  readonly fetch: VoiceFetch;
  /** Keeps what sessions used besides the store. */
  readonly journal: SessionJournal;
};

const SECOND_MS = 1_000;
/** A session whose process died counts as lost after this, ms. */
const LEASE_MS = 60_000;
/** Between two looks at what a session used, ms. */
const KEEP_MS = 5_000;
/** Between two writes of it to the store, ms. */
const RENEW_MS = { embedded: 15_000, shared: 30_000 } as const;
/** How long a provider may take to answer, ms. */
const CONNECT_MS = 3_000;
/** How long a provider may take to answer an offer, and to hang up, ms. */
const CALL_MS = { offerMs: 15_000, hangUpMs: 10_000 };
/** What example names lead to while no provider has a key. */
const BUILT_IN = "local/echo";
const VOICE_EXAMPLES = EXAMPLE_NAMES.filter(({ type }) => type === "realtime");

/** The models a deployment offers. */
export function voiceModels(
  settings: Pick<Settings, "models" | "prices" | "providers" | "realtime">,
): VoiceModels {
  const keys = Object.fromEntries(
    Object.entries(settings.providers).map(([name, provider]) => [
      name,
      { key: provider.apiKey, accounts: credentialsOf(provider) },
    ]),
  );
  const successors = Object.fromEntries(VOICE_EXAMPLES.map(({ name, successor }) => [name, successor]));
  const offers = createVoiceOffers({
    keys,
    providers: settings.realtime.providers,
    prices: settings.prices,
    successors,
  });
  const examples = offers.length === 1 ? VOICE_EXAMPLES.map(({ name }) => [name, BUILT_IN]) : null;
  const { aliases, fallbacks } = settings.models;
  return new VoiceModels(offers, {
    aliases,
    fallbacks,
    examples: examples === null ? successors : Object.fromEntries(examples),
  });
}

/** Example names that lead to the built-in voice. */
export function voiceStandIns(models: VoiceModels): string[] {
  return VOICE_EXAMPLES.filter(({ name }) => models.has(name) && models.resolve(name).name === BUILT_IN).map(
    ({ name }) => name,
  );
}

/** Who may open which session; the same on every host. */
export function createVoiceAdmission(settings: Settings, clock: Pick<Clock, "now">): VoiceAdmission {
  return new VoiceAdmission({
    models: voiceModels(settings),
    defaultModel: settings.realtime.defaultModel,
    defaults: sessionDefaults(settings.realtime.defaults),
    newSessionId: createTaskIds(() => clock.now()),
  });
}

export type VoiceDependencies = {
  readonly models: VoiceModels;
  readonly settings: Settings;
  readonly store: SessionStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly host: VoiceHost;
  /** Whether the store is this process' own. */
  readonly embedded: boolean;
  /** What is known of the providers' accounts; shared by all sessions that are opened where it is. */
  readonly health: VoiceHealth;
  readonly watch?: VoiceWatch;
  /** Where what is said is kept, if the settings want it. */
  readonly artefacts: ArtefactFiles;
};

export function createVoice({
  settings,
  models,
  store,
  clock,
  log,
  host,
  embedded,
  health,
  watch,
  artefacts,
}: VoiceDependencies): VoiceService {
  const witness = witnessMaker(settings, { files: artefacts, clock, log });
  return new VoiceService(
    {
      store,
      models,
      dialer: host.dialer,
      call: createUpstreamCall(host.fetch),
      callHttp: createCallHttp(host.fetch, clock, CALL_MS),
      hangUp: createHangUp({ models, clock, log }, host.fetch),
      bills: new ProviderBills(host.fetch, clock),
      health,
      clock,
      log,
      betaDialect: betaNames,
      journal: host.journal,
      ...(watch && { watch }),
      ...(witness && { witness }),
    },
    voiceOptions(settings, embedded),
  );
}

/** Null where nothing of what is said is kept. */
function witnessMaker(
  { realtime }: Settings,
  parts: Pick<ArtefactKeeperOptions, "files" | "clock" | "log">,
): WitnessMaker | null {
  const { keepTranscripts: transcripts, keepRecordings } = realtime;
  if (!transcripts && !keepRecordings) return null;
  return (sessionId, transport) => {
    const recordings = keepRecordings && transport === "socket";
    return transcripts || recordings
      ? new ArtefactKeeper(sessionId, { ...parts, transcripts, recordings })
      : null;
  };
}

/** What ends calls at their providers. */
export function createHangUp(
  parts: { readonly models: VoiceModels; readonly clock: Pick<Clock, "after">; readonly log: Log },
  fetch: VoiceFetch,
): HangUp {
  return new HangUp({ ...parts, http: createCallHttp(fetch, parts.clock, CALL_MS) });
}

function voiceOptions({ realtime }: Settings, embedded: boolean): VoiceServiceOptions {
  return {
    maxPerKey: realtime.maxConnectionsPerKey,
    max: realtime.maxConnections,
    maxMessageBytes: realtime.maxMessageBytes,
    maxSessionMs: realtime.maxSessionSeconds * SECOND_MS,
    connectMs: CONNECT_MS,
    controlPerSecond: realtime.controlMessagesPerSecond,
    audioPerSecond: realtime.audioAppendsPerSecond,
    burstSeconds: realtime.burstSeconds,
    leaseMs: LEASE_MS,
    keepMs: KEEP_MS,
    renewMs: embedded ? RENEW_MS.embedded : RENEW_MS.shared,
  };
}

/** `realtime.defaults` as GA session fields. */
function sessionDefaults(defaults: Settings["realtime"]["defaults"]): Record<string, Json> {
  const { voice, language, instructions, providerSpecific, temperature, responseFormat } = defaults;
  const flat: Record<string, Json> = {
    ...(voice !== null && { voice }),
    ...(responseFormat !== null && { output_audio_format: responseFormat }),
    ...(language !== null && { input_audio_transcription: { language } }),
  };
  const { type: _realtime, ...session } = gaSession(flat, "realtime");
  const named = {
    ...session,
    ...(instructions !== null && { instructions }),
    ...(temperature !== null && { temperature }),
  };
  return merge(named, providerSpecific as Record<string, Json>);
}

/** Sessions whose sockets are in this process. */
export function localVoiceSockets(voice: VoiceService, sockets: SocketUpgrade): VoiceSockets {
  return {
    async open(request, opening, answer) {
      const handler = await voice.open(opening);
      const response = sockets.upgrade(request, handler, answer);
      if (response === null) handler.closed();
      return response;
    },
    async join(request, { id }, beta, answer) {
      const handler = voice.calls.control(id, beta);
      if (handler === null) throw outOfReach();
      return sockets.upgrade(request, handler, answer);
    },
    refuse: (request, handler, answer) => sockets.upgrade(request, handler, answer),
  };
}

/** Processes that share a store hold each their own calls. */
function outOfReach(): ApiError {
  return new ApiError(
    "not_supported",
    "This call is held by another process of this gateway, which a socket cannot be handed to. Steer it over the call's own data channel.",
    { param: "call_id" },
  );
}
