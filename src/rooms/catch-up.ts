/** What a subscriber is sent that is served alone, up to where it joins the broadcast. */

import { isTerminal } from "../protocol/task.ts";
import type { Frame } from "../sockets/frame.ts";
import { printPosition } from "./position.ts";
import { frameOf, type ReplayBuffer, type RoomDelivery } from "./replay-buffer.ts";
import type { Opening, RoomLog, RoomLogRead } from "./room-log.ts";
import type { RoomSubscription } from "./room-subscription.ts";

/**
 * Sends the beginning of a stream that does not resume: a snapshot, after a reset where events were lost. Answers whether the
 * one task has ended.
 */
export function sendBeginning(subscription: RoomSubscription, opening: Opening, lost: boolean): boolean {
  const { view, position } = opening;
  const { encoding } = subscription.subscriber;
  const id = printPosition(position);
  subscription.epoch = position.epoch;
  subscription.cursor = position.seq;
  const frames: (Frame | null)[] = lost ? [encoding.reset(id)] : [];
  if (view !== null) frames.push(encoding.snapshot(view, id));
  else if (!lost) frames.push(encoding.begin(id));
  subscription.send(frames);
  return view !== null && isTerminal(view.task.status);
}

/** Sends what was read of the log. Answers whether a task's last event was among it. */
export function sendRead(
  subscription: RoomSubscription,
  log: RoomLog,
  { entries, position }: Extract<RoomLogRead, { outcome: "events" }>,
): boolean {
  const { epoch, seq } = position;
  const frames: (Frame | null)[] = [];
  let ended = false;
  for (const entry of entries) {
    const at = log.seqOf(entry.event);
    if (at === null || at <= subscription.cursor) continue;
    frames.push(subscription.subscriber.encoding.event(entry, printPosition({ epoch, seq: at })));
    ended ||= isTerminal(entry.event.status);
  }
  subscription.cursor = Math.max(subscription.cursor, seq);
  subscription.send(frames);
  return ended;
}

/** Sends what the room has kept since the subscriber's cursor, up to `seq`. */
export function sendKept(
  subscription: RoomSubscription,
  seq: number,
  deliveries: readonly RoomDelivery[],
): void {
  subscription.cursor = seq;
  subscription.send(deliveries.map((delivery) => frameOf(delivery, subscription.subscriber.encoding)));
}

/**
 * In a tenant's stream the last progress has no position of its own: it is sent again with the room's current one.
 */
export function sendMissedProgress(subscription: RoomSubscription, replayBuffer: ReplayBuffer): void {
  const id = printPosition({ epoch: subscription.epoch, seq: subscription.cursor });
  const { encoding } = subscription.subscriber;
  subscription.send(
    replayBuffer.progressAfter(subscription.stamp).map(({ entry }) => encoding.event(entry, id)),
  );
}
