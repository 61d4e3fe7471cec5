/** The hubs that a host serves, over the rooms it has. */

import type { Principal } from "../accounts/principal.ts";
import type { Settings } from "../config/load.ts";
import type { HubName } from "../hubs/hub-names.ts";
import { createMediaHub } from "../hubs/media-hub.ts";
import { createPushEncodings } from "../hubs/push-encodings.ts";
import { type SubscriptionJournal, Subscriptions } from "../hubs/subscriptions.ts";
import { createItemEncoding } from "../hubs/task-stream.ts";
import { createTasksHub } from "../hubs/tasks-hub.ts";
import type { RoomStore } from "../rooms/room-log.ts";
import type { Rooms } from "../rooms/rooms.ts";
import type { Hub } from "../signalr/hub.ts";
import type { Clock } from "../tasks/ports/clock.ts";
import type { TaskService } from "../tasks/service.ts";
import type { Position, TenantScope } from "../tasks/task.ts";
import type { WireContext } from "../tasks/wire.ts";

export type HubDependencies = {
  readonly tasks: TaskService;
  readonly rooms: Rooms;
  readonly store: RoomStore;
  readonly clock: Clock;
  readonly wireContext: WireContext;
  /** For hosts that hibernate. */
  readonly hibernation?: HubHibernation;
};

/** What a hibernating host stores of its hubs. */
export type HubHibernation = {
  readonly journal: SubscriptionJournal;
  readonly positionOf: (scope: TenantScope, taskId: string) => Position | null;
};

export type HubSet = {
  readonly hubs: Readonly<Record<HubName, Hub<Principal>>>;
  readonly subscriptions: Subscriptions;
};

export function createHubs(
  { hubs }: Settings,
  { tasks, rooms, store, clock, wireContext, hibernation }: HubDependencies,
): HubSet {
  const subscriptions = new Subscriptions(
    { tasks, rooms, store, clock, encodings: createPushEncodings(wireContext), ...hibernation },
    { snapshotDelayMs: hubs.snapshotDelayMs, maxPerConnection: hubs.maxSubscriptionsPerConnection },
  );
  return {
    subscriptions,
    hubs: {
      "image-generation": createMediaHub(subscriptions),
      "video-generation": createMediaHub(subscriptions),
      tasks: createTasksHub({ subscriptions, rooms, items: createItemEncoding(wireContext), ...hibernation }),
    },
  };
}
