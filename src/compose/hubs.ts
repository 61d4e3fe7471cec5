/** The hubs that a host serves, over the rooms it has. */

import type { Principal } from "../accounts/principal.ts";
import type { Settings } from "../config/load.ts";
import { createMediaHub } from "../hubs/media-hub.ts";
import { createPushEncodings } from "../hubs/push-encodings.ts";
import { type SubscriptionJournal, Subscriptions } from "../hubs/subscriptions.ts";
import { createItemEncoding } from "../hubs/task-stream.ts";
import { createTasksHub } from "../hubs/tasks-hub.ts";
import type { FollowedStore } from "../rooms/room-log.ts";
import type { Rooms } from "../rooms/rooms.ts";
import type { Hub } from "../signalr/hub.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { TaskService } from "../tasks/service.ts";
import type { Position, TenantScope } from "../tasks/task.ts";
import type { PresentationContext } from "../tasks/wire.ts";

export type HubDependencies = {
  readonly tasks: TaskService;
  readonly rooms: Rooms;
  readonly store: FollowedStore;
  readonly clock: Clock;
  readonly presentation: PresentationContext;
  /** For hosts that sleep. */
  readonly memory?: HubMemory;
};

/** What a host that sleeps remembers of its hubs. */
export type HubMemory = {
  readonly journal: SubscriptionJournal;
  readonly placeOf: (scope: TenantScope, taskId: string) => Position | null;
};

/** The names under which hubs are served. */
export const HUB_NAMES = ["image-generation", "video-generation", "tasks"] as const;

export type HubSet = {
  readonly hubs: Readonly<Record<(typeof HUB_NAMES)[number], Hub<Principal>>>;
  readonly subscriptions: Subscriptions;
};

export function createHubs(
  { hubs }: Settings,
  { tasks, rooms, store, clock, presentation, memory }: HubDependencies,
): HubSet {
  const subscriptions = new Subscriptions(
    { tasks, rooms, store, clock, encodings: createPushEncodings(presentation), ...memory },
    { snapshotDelayMs: hubs.snapshotDelayMs, maxPerConnection: hubs.maxSubscriptionsPerConnection },
  );
  return {
    subscriptions,
    hubs: {
      "image-generation": createMediaHub(subscriptions),
      "video-generation": createMediaHub(subscriptions),
      tasks: createTasksHub({ subscriptions, rooms, items: createItemEncoding(presentation), ...memory }),
    },
  };
}
