/**
 * A deployment on a platform whose isolates come and go: the core, a worker that runs one step per call, and what rings
 * for it. Made in every isolate, the entry's and each object's, because any of them may run anywhere. Nothing in here
 * holds on to a request: stubs and connections are the platform's to make anew for each call.
 */

import { billTask } from "../accounts/prices/held-price.ts";
import type { Settings } from "../config/load.ts";
import type { Post } from "../events/http-sink.ts";
import { DomainEvents } from "../events/listeners.ts";
import type { EventSender } from "../events/sender.ts";
import type { HealthPart } from "../http/routes/health.ts";
import { createCheckedMedia } from "../media/checked.ts";
import type { TaskType } from "../protocol/task.ts";
import type { ProviderOffer } from "../providers/catalogue.ts";
import { durationSeeds } from "../providers/usual-durations.ts";
import { QStashDoorbell } from "../queues/qstash-doorbell.ts";
import { qstashHealth } from "../queues/qstash-health.ts";
import { QStashSignatures } from "../queues/qstash-signatures.ts";
import type { HangUp } from "../realtime/calls/hang-up.ts";
import type { VoiceAdmission } from "../realtime/voice-admission.ts";
import { ProviderHealth } from "../tasks/engine/provider-health.ts";
import { poolSize } from "../tasks/engine/steps/step-runner-pool.ts";
import { StepWorker, type StepWorkerOptions } from "../tasks/engine/steps/step-worker.ts";
import { UsualDurations } from "../tasks/engine/usual-durations.ts";
import type { Doorbell } from "../tasks/ports/doorbell.ts";
import { type Core, createCatalogue, createCore, type HostParts } from "./core.ts";
import { createEventSender } from "./events.ts";
import { TaskEnds } from "./operations/task-ends.ts";
import { UnreadableWatch } from "./operations/unreadable-watch.ts";
import { createHookAddresses, stepWorkerOptions } from "./options.ts";
import { providerAccountNews } from "./provider-account-news.ts";
import { createHangUp, createVoiceAdmission } from "./voice/voice.ts";
import { createWebhooks } from "./webhooks.ts";

/** Tasks that one request may cancel: each takes a few of the calls that the platform lets a request make. */
const CANCEL_AT_MOST = 100;

/** Deliveries to webhooks that are sent at once: the platform lets a call have six connections open. */
const MAX_OPEN_DELIVERIES = 4;

/** What the platform brings. */
export type DeploymentPlatform = Omit<HostParts, "catalogue" | "doorbell" | "hooks" | "webhooks"> & {
  readonly offers: readonly ProviderOffer[];
  /** Sends what the operator's own services are told. */
  readonly post: Post;
  /** Keeps the isolate alive until the promise settles, as long as the platform allows. */
  keepAlive(pending: Promise<void>): void;
  /** What rings where no queue is configured: `runners` says how many step runners each lane has. */
  ringRunners(runners: Readonly<Record<TaskType, number>>): RingSender;
};

/** A doorbell whose rings may fail, and that says so. */
export type RingSender = Doorbell & { health(): HealthPart };

export type Deployment = Core & {
  readonly stepWorker: StepWorker;
  readonly stepWorkerOptions: StepWorkerOptions;
  /** What this isolate has seen of jobs, and what is known of models beforehand. */
  readonly durations: UsualDurations;
  /** What QStash needs, where it is configured; null where the step runners' alarms stand in for it. */
  readonly qstash: QStash | null;
  readonly unreadable: UnreadableWatch;
  /** Sends domain events when it is called; null without a sink. */
  readonly eventSender: EventSender | null;
  /** Who may open which voice session. */
  readonly voice: VoiceAdmission;
  /** What this isolate knows of the accounts of voice providers. */
  readonly voiceHealth: ProviderHealth;
  /** Ends calls whose sideband is lost. */
  readonly hangUp: HangUp;
  /** How this isolate's rings go. */
  readonly ringHealth: () => HealthPart;
};

export type QStash = { readonly doorbell: QStashDoorbell; readonly signatures: QStashSignatures };

export function createDeployment(platform: DeploymentPlatform): Deployment {
  const { offers, keepAlive, ringRunners, post, ...parts } = platform;
  const { settings, clock, log, store, media } = parts;
  const publisher = new DomainEvents(parts.publisher, [new TaskEnds(log)]);
  const catalogue = createCatalogue(settings, offers, log);
  const options = stepWorkerOptions(settings);
  const qstash = createQStash(platform);
  const hooks = createHookAddresses(settings, settings.keys);
  const { transport } = parts;
  const webhooks = createWebhooks({ settings, store, transport, clock, log, maxOpen: MAX_OPEN_DELIVERIES });
  const voice = createVoiceAdmission(settings, clock);
  const durations = new UsualDurations(durationSeeds(catalogue.list()));
  const voiceHealth = new ProviderHealth(clock, Math.random, providerAccountNews(log));
  const rings = qstash === null ? ringsOfRunners(platform, options) : ringsOfQStash(qstash);
  return {
    // The worker that holds a task runs elsewhere, see step-worker.ts.
    ...createCore(
      { ...parts, publisher, catalogue, doorbell: rings.doorbell, hooks, webhooks },
      { dropHeld: () => {}, sharedLookups: false, cancelAtMost: CANCEL_AT_MOST },
    ),
    stepWorker: new StepWorker(
      {
        store,
        media: createCheckedMedia(media),
        providers: catalogue.providers,
        publisher,
        bill: billTask,
        clock,
        log,
        hooks: hooks ?? undefined,
        otherWork: [webhooks.sender],
        durations,
      },
      options,
    ),
    stepWorkerOptions: options,
    durations,
    voice,
    voiceHealth,
    hangUp: createHangUp({ models: voice.models, clock, log }, post),
    qstash,
    eventSender: createEventSender(settings, { store, post, clock, log }),
    unreadable: new UnreadableWatch({ store, clock, log }),
    ringHealth: rings.health,
  };
}

type Rings = { readonly doorbell: Doorbell; readonly health: () => HealthPart };

function ringsOfRunners({ ringRunners }: DeploymentPlatform, { maxHeld }: StepWorkerOptions): Rings {
  const doorbell = ringRunners({ image: poolSize(maxHeld.image), video: poolSize(maxHeld.video) });
  return { doorbell, health: () => ({ ...doorbell.health(), kind: "alarms" }) };
}

function ringsOfQStash({ doorbell, signatures }: QStash): Rings {
  return { doorbell, health: () => ({ ...qstashHealth(doorbell, signatures), kind: "QStash" }) };
}

function createQStash({ settings, clock, log, keepAlive }: DeploymentPlatform): QStash | null {
  const { token, url, currentSigningKey, nextSigningKey } = settings.qstash;
  const { publicUrl } = settings.server;
  // The configuration was refused if only some of these were given.
  if (token === null || currentSigningKey === null || nextSigningKey === null || publicUrl === null)
    return null;
  return {
    doorbell: new QStashDoorbell(
      { token, url, publicUrl, longestStepMs: longestStepMs(settings) },
      { clock, log, keepAlive },
    ),
    signatures: new QStashSignatures({ current: currentSigningKey, next: nextSigningKey }, publicUrl, clock),
  };
}

/** No step outlasts its task's own limit. */
function longestStepMs({ imageGeneration, videoGeneration }: Settings): number {
  return Math.max(imageGeneration.timeoutSeconds, videoGeneration.timeoutSeconds) * 1_000;
}
