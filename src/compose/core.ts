/**
 * What every host has: made once, from what the host brings. Nothing in here runs by itself or knows how work is
 * claimed and how clients are connected; that is what hosts differ in.
 */

import { EphemeralKeys } from "../accounts/ephemeral/ephemeral-keys.ts";
import { Authenticator } from "../accounts/keys/authenticator.ts";
import { KeyService } from "../accounts/keys/keys.ts";
import type { Settings } from "../config/load.ts";
import { createGuardedFetch, type GuardedFetch } from "../fetch/guarded-fetch.ts";
import type { Transport } from "../fetch/transport.ts";
import { createOriginPolicy, type StrictOriginPolicy } from "../http/middleware/origin-policy.ts";
import { InputStore } from "../inputs/input-store.ts";
import { createCheckedMedia } from "../media/checked.ts";
import { Catalogue, type ProviderOffer } from "../providers/catalogue.ts";
import type { Download } from "../providers/upstream/answers/download.ts";
import { createGuardedDownload } from "../providers/upstream/answers/guarded-download.ts";
import { createRoomEndWatch } from "../rooms/room-end-watch.ts";
import type { Rooms } from "../rooms/rooms.ts";
import type { Store } from "../stores/store.ts";
import { BatchService } from "../tasks/batches/service.ts";
import type { HookAddresses } from "../tasks/hook-addresses.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { Doorbell } from "../tasks/ports/doorbell.ts";
import type { EndWatch } from "../tasks/ports/end-watch.ts";
import type { Log } from "../tasks/ports/log.ts";
import type { MediaStore } from "../tasks/ports/media-store.ts";
import type { Publisher } from "../tasks/ports/publisher.ts";
import { TaskService } from "../tasks/service.ts";
import type { WireContext } from "../tasks/wire.ts";
import { createWireContext, targetPolicy, taskServiceOptions, urlOptions } from "./options.ts";
import { voiceModels, voiceStandIns } from "./voice/voice.ts";
import type { Webhooks } from "./webhooks.ts";

/** The parts a host brings. */
export type HostParts = {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly media: MediaStore;
  readonly catalogue: Catalogue;
  /** How addresses are asked that callers name. */
  readonly transport: Transport;
  /** Where transitions are announced that somebody else than this host's own steps committed. */
  readonly publisher: Publisher;
  readonly doorbell: Doorbell;
  /** The rooms in which clients follow tasks, wherever they are. */
  readonly rooms: Pick<Rooms, "subscribeToTask" | "subscribeToTenant">;
  /** Where providers may call back; null where none can reach the gateway. */
  readonly hooks: HookAddresses | null;
  readonly webhooks: Webhooks;
};

export type Core = HostParts & {
  readonly tasks: TaskService;
  readonly batches: BatchService;
  readonly keys: KeyService;
  readonly authenticator: Authenticator;
  readonly ephemeralKeys: EphemeralKeys;
  readonly guardedFetch: GuardedFetch;
  /** What callers hand in, on its way into the media store. */
  readonly inputs: InputStore;
  readonly origins: StrictOriginPolicy;
  readonly wireContext: WireContext;
};

export type CoreOptions = {
  /** Ends the call of a task that was cancelled, where its worker can be reached from here. */
  readonly dropHeld: (taskId: string) => void;
  /** How the ends of tasks are waited for. Default: in the rooms. */
  readonly endWatch?: EndWatch | undefined;
  /** How a task that somebody waits for is compared with the store, where other processes do not say what they did. */
  readonly checkTask?: Rooms["checkTask"] | undefined;
  /** Whether a request may wait for what another one began, see `AuthenticatorOptions`. */
  readonly sharedLookups: boolean;
  /** Tasks that one request may cancel. Default: what the service allows. */
  readonly cancelAtMost?: number;
};

export function createCore(parts: HostParts, { dropHeld, checkTask, ...options }: CoreOptions): Core {
  const { settings, clock, log, store, media, publisher, doorbell, rooms } = parts;
  const endWatch = options.endWatch ?? createRoomEndWatch(rooms, clock, { checkTask });
  const tasks = new TaskService(
    { store, media, publisher, doorbell, endWatch, dropHeld, clock, log },
    {
      ...taskServiceOptions(settings),
      ...(options.cancelAtMost !== undefined && { cancelAtMost: options.cancelAtMost }),
    },
  );
  const keys = new KeyService({ store, clock, log });
  const authenticator = new Authenticator({
    store,
    clock,
    knownMs: settings.keys.cacheMs,
    sharedLookups: options.sharedLookups,
  });
  keys.onKeyChanged(({ keyId }) => authenticator.forget(keyId));
  const guardedFetch = createGuardedFetch(parts.transport, clock, targetPolicy(settings));
  return {
    ...parts,
    tasks,
    batches: new BatchService(
      { store, tasks, media, publisher, doorbell, clock, log },
      taskServiceOptions(settings),
    ),
    keys,
    authenticator,
    ephemeralKeys: new EphemeralKeys({ store, changed: (keyId) => keys.noteChange(keyId) }),
    guardedFetch,
    inputs: new InputStore(
      { fetch: guardedFetch, checkedMedia: createCheckedMedia(media), media, tasks: store },
      { maxBytes: settings.limits.inputBytes },
    ),
    origins: createOriginPolicy(settings.cors.origins, urlOptions(settings)),
    wireContext: createWireContext(settings, clock),
  };
}

/** How adapters fetch results from addresses that their provider names. */
export function createResultDownload(
  transport: Transport,
  clock: Pick<Clock, "after">,
  settings: Settings,
): Download {
  return createGuardedDownload(createGuardedFetch(transport, clock, targetPolicy(settings)));
}

/** The models of these providers under the configured names; what is odd about them goes to the log. */
export function createCatalogue(
  settings: Pick<Settings, "models" | "prices" | "providers" | "realtime">,
  offers: readonly ProviderOffer[],
  log: Log,
): Catalogue {
  const { models, prices } = settings;
  const voices = voiceModels(settings);
  const catalogue = new Catalogue({
    offers,
    aliases: models.aliases,
    fallbacks: Object.fromEntries(Object.entries(models.fallbacks).filter(([name]) => !voices.has(name))),
    prices,
    pricedElsewhere: new Set(voices.pricedNames),
  });
  for (const warning of [...catalogue.warnings, ...voices.warnings]) log.warn(warning);
  const names = [...catalogue.standIns(), ...voiceStandIns(voices)];
  // Whoever expects a paid model behind them is told why the pictures look, and the voice sounds, as they do.
  if (names.length > 0)
    log.info("example model names lead to the built-in models", { names: names.join(", ") });
  return catalogue;
}
