/**
 * Random histories: commits, publishes that are lost, doubled and reordered, subscribers that come, resume, stall and
 * leave, logs that are trimmed, a store that is slow or away. A model then says what each subscriber had to see.
 * A failure names its seed.
 */

import { expect, test } from "vitest";
import { isTerminal } from "../../../src/protocol/task.ts";
import { parsePosition } from "../../../src/rooms/position.ts";
import type { Subscription } from "../../../src/rooms/room-subscription.ts";
import { Rooms } from "../../../src/rooms/rooms.ts";
import type { Position, TaskUpdate, TenantScope } from "../../../src/tasks/task.ts";
import { ROOM_SETTINGS } from "../../contract/rooms.ts";
import { ManualClock } from "../../fixture/manual-clock.ts";
import {
  MemoryTopics,
  RecordingSubscriber,
  TellingEncoding,
  type Told,
} from "../../fixture/recording-subscriber.ts";
import { ScriptedLogs } from "../../fixture/scripted-logs.ts";

const SEEDS = 400;
const STEPS = 160;
const KEY: TenantScope = { keyId: "key_a", subject: null };
const SUBJECT: TenantScope = { keyId: "key_a", subject: "sam" };

type Watched = {
  subscriber: RecordingSubscriber;
  subscription: Subscription;
  /** The task's id; null follows a tenant. */
  taskId: string | null;
  scope: TenantScope;
  after: Position | null;
  left: boolean;
};

/** A small seeded generator (mulberry32). */
function seeded(seed: number): (below: number) => number {
  let state = seed * 0x9e3779b9;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below) | 0;
  };
}

class World {
  readonly #below: (below: number) => number;
  readonly store = new ScriptedLogs();
  readonly clock = new ManualClock();
  readonly topics = new MemoryTopics();
  readonly encodings = [
    new TellingEncoding("one"),
    new TellingEncoding("lines", (frames) => frames.join("\n")),
  ];
  readonly rooms: Rooms;
  readonly watched: Watched[] = [];
  storeWasAway = false;
  readonly #frail: boolean;
  /** Committed and not yet published. */
  #updates: TaskUpdate[] = [];
  /** Ids that clients saw, by what they followed. */
  readonly #seen = new Map<string, string[]>();

  constructor(seed: number) {
    this.#below = seeded(seed);
    this.#frail = seed % 2 === 0;
    const log = { warn: () => {} };
    this.rooms = new Rooms({ store: this.store, topics: this.topics, clock: this.clock, log }, ROOM_SETTINGS);
    this.store.pause = async () => {
      const turns = this.#below(4);
      for (let turn = 0; turn < turns; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
    };
  }

  async step(): Promise<void> {
    const dice = this.#below(100);
    if (dice < 6) this.#create();
    else if (dice < 40) this.#advance();
    else if (dice < 62) this.#publish();
    else if (dice < 74) this.#follow();
    else if (dice < 77) this.#leave();
    else if (dice < 81) this.#pick(this.watched, ({ subscriber }) => (subscriber.unsent = 100_000));
    else if (dice < 87) this.#pick(this.watched, ({ subscriber }) => (subscriber.unsent = 0));
    else if (dice < 88) this.#trim();
    else if (dice < 90) this.#failOrRecover();
    else if (dice < 96) await new Promise<void>((resolve) => setImmediate(resolve));
    else await this.clock.advance([1, 50, 150, 3_000][this.#below(4)] ?? 1);
  }

  /** The store is well again, whoever stalled reads on, and what was never published stays so. */
  async quiet(): Promise<void> {
    this.store.failing = false;
    for (const { subscriber } of this.watched) subscriber.unsent = 0;
    for (let i = 0; i < 4; i += 1) await this.clock.advance(ROOM_SETTINGS.positionCheckMs);
  }

  #create(): void {
    this.#updates.push(this.store.create({ keyId: "key_a", subject: this.#below(2) === 0 ? "" : "sam" }));
  }

  #advance(): void {
    const live = this.store.ids().filter((id) => !isTerminal(this.store.task(id).status));
    this.#pick(live, (id) => {
      const { status, progress } = this.store.task(id);
      const dice = this.#below(20);
      if (dice === 0) this.#updates.push(this.store.advance(id, "cancelled"));
      else if (status === "queued") this.#updates.push(this.store.advance(id, "started"));
      else if (dice < 14)
        this.#updates.push(this.store.advance(id, "progress", Math.min(99, progress + this.#below(9))));
      else if (dice < 18) this.#updates.push(this.store.advance(id, "retrying"));
      else this.#updates.push(this.store.advance(id, dice === 18 ? "failed" : "completed"));
    });
  }

  #publish(): void {
    if (this.#below(3) > 0) {
      // The usual way: everything, in order.
      for (const update of this.#updates.splice(0)) this.rooms.publish(update);
      return;
    }
    const index = this.#below(this.#updates.length);
    const update = this.#updates[index];
    if (update === undefined) return;
    const fate = this.#below(10);
    // Lost, doubled (it stays in the list), or just out of order.
    if (fate !== 0) this.#updates.splice(index, 1);
    if (fate > 2) this.rooms.publish(update);
  }

  #follow(): void {
    const encoding = this.encodings[this.#below(2)] ?? new TellingEncoding();
    const subscriber = new RecordingSubscriber(encoding, this.#below(3) === 0 ? null : this.topics);
    const dice = this.#below(4);
    const scope = dice === 0 ? SUBJECT : KEY;
    const tasks = this.store.ids().filter((id) => dice > 0 || this.store.task(id).tenant.subject === "sam");
    const taskId = this.#below(3) === 0 ? null : (tasks[this.#below(tasks.length)] ?? null);
    const after = this.#after(taskId ?? `tenant ${scope.subject}`);
    const { subscription, opened } =
      taskId === null
        ? this.rooms.subscribeToTenant(scope, subscriber, after)
        : this.rooms.subscribeToTask(scope, taskId, subscriber, after);
    const watched: Watched = { subscriber, subscription, taskId, scope, after, left: false };
    this.watched.push(watched);
    opened.catch(() => {
      watched.left = true;
    });
  }

  #after(what: string): Position | null {
    const ids = this.#seen.get(what) ?? ["elsewhere.3"];
    for (const { subscriber, taskId, scope } of this.watched) {
      if ((taskId ?? `tenant ${scope.subject}`) !== what) continue;
      for (const told of subscriber.told) if (!ids.includes(told.id)) ids.push(told.id);
    }
    this.#seen.set(what, ids);
    return this.#below(2) === 0
      ? null
      : parsePosition(ids[this.#below(ids.length)] ?? "elsewhere.3", "after");
  }

  #leave(): void {
    this.#pick(this.watched, (watched) => {
      watched.left = true;
      watched.subscription.unsubscribe();
    });
  }

  #trim(): void {
    if (this.#below(2) === 0) this.#pick(this.store.ids(), (id) => this.store.trim(id));
    else this.store.trimTenant(this.#below(2) === 0 ? KEY : SUBJECT);
  }

  #failOrRecover(): void {
    if (!this.#frail) return;
    this.store.failing = !this.store.failing;
    this.storeWasAway = true;
  }

  #pick<T>(list: readonly T[], use: (item: T) => void): void {
    const item = list[this.#below(list.length)];
    if (item !== undefined) use(item);
  }
}

/** What was told after the last reset; a reset begins a one-task stream anew. */
function checkTask(world: World, watched: Watched, why: string): void {
  const { subscriber, after } = watched;
  const taskId = watched.taskId ?? "";
  const { told } = subscriber;
  const history = world.store.history.get(taskId) ?? [];
  let seq = told[0]?.kind === "event" || told.length === 0 ? (after?.seq ?? -1) : -1;
  let progress = -1;
  let terminal = false;
  for (const [index, message] of told.entries()) {
    expect(terminal, `${why}: nothing follows the end`).toBe(false);
    if (message.kind === "reset") {
      expect(told[index + 1]?.kind, `${why}: a snapshot follows a reset`).toBe("snapshot");
      continue;
    }
    if (message.kind === "begin") throw new Error(`${why}: a tenant's beginning on a task's stream`);
    expect(message.taskId, why).toBe(taskId);
    if (message.kind === "snapshot") {
      expect(index === 0 || told[index - 1]?.kind === "reset", `${why}: snapshots only begin`).toBe(true);
    } else {
      expect(message.seq, `${why}: rising`).toBeGreaterThan(seq);
      const missed = history.filter((event) => event.seq > seq && event.seq < message.seq);
      expect(missed, `${why}: no lifecycle event skipped`).toEqual([]);
    }
    expect(message.progress, `${why}: progress never falls`).toBeGreaterThanOrEqual(progress);
    ({ seq, progress } = message);
    terminal = isTerminal(message.status);
  }
  if (watched.left || subscriber.closedWith === 1013) return;
  const task = world.store.task(taskId);
  expect(seq, `${why}: up to date in the end`).toBe(task.seq);
  expect(subscriber.closedWith, `${why}: closed when it is over`).toBe(isTerminal(task.status) ? 1000 : null);
}

function checkTenant(world: World, watched: Watched, why: string): void {
  const { subscriber, scope } = watched;
  const expected = new Map<number, string>();
  for (const events of world.store.history.values()) {
    for (const event of events) {
      const at = scope.subject === null ? event.keySeq : event.subjectSeq;
      if (at !== null) expected.set(at, `${event.taskId} ${event.seq}`);
    }
  }
  const lastSeq = new Map<string, Extract<Told, { kind: "event" }>>();
  let at = watched.after?.seq ?? -1;
  for (const message of subscriber.told) {
    const position = parsePosition(message.id, "id");
    if (message.kind === "snapshot") throw new Error(`${why}: a snapshot on a tenant's stream`);
    if (message.kind !== "event") {
      at = position.seq;
      continue;
    }
    const before = lastSeq.get(message.taskId);
    if (before !== undefined) {
      expect(message.seq, `${why}: rising within a task`).toBeGreaterThan(before.seq);
      expect(message.progress, `${why}: progress never falls`).toBeGreaterThanOrEqual(before.progress);
    }
    lastSeq.set(message.taskId, message);
    if (message.type === "progress") {
      expect(position.seq, `${why}: progress has the place of the event before it`).toBe(at);
      continue;
    }
    expect(position.seq, `${why}: no event skipped or repeated`).toBe(at + 1);
    expect(`${message.taskId} ${message.seq}`, why).toBe(expected.get(position.seq));
    at = position.seq;
  }
  if (watched.left || subscriber.closedWith === 1013) return;
  expect(subscriber.closedWith, why).toBeNull();
  expect(at, `${why}: up to date in the end`).toBe(Math.max(0, ...expected.keys()));
}

test("whatever the order of things, a subscriber misses no lifecycle event, sees none twice and progress only rise", async () => {
  let subscribers = 0;
  let events = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const world = new World(seed);
    for (let step = 0; step < STEPS; step += 1) await world.step();
    await world.quiet();
    for (const [index, watched] of world.watched.entries()) {
      const why = `seed ${seed}, subscriber ${index} of ${watched.taskId ?? `tenant ${watched.scope.subject}`}`;
      if (watched.taskId === null) checkTenant(world, watched, why);
      else checkTask(world, watched, why);
      subscribers += 1;
      events += watched.subscriber.told.length;
    }
    for (const { subscription } of world.watched) subscription.unsubscribe();
    await world.clock.advance(1);
    expect(world.rooms.stats(), `seed ${seed}: nothing left`).toEqual({ rooms: 0, subscribers: 0, alone: 0 });
    expect([world.topics.size(), world.clock.pendingTimers], `seed ${seed}: nothing left`).toEqual([0, 0]);
    // A follow flag that could not be cleared stays set: it costs publishes that reach no subscriber.
    if (world.storeWasAway) continue;
    expect(
      world.store.ids().filter((id) => world.store.hasSubscribers(id)),
      `seed ${seed}: no follow flags left`,
    ).toEqual([]);
  }
  expect(subscribers).toBeGreaterThan(SEEDS * 5);
  expect(events).toBeGreaterThan(SEEDS * 20);
}, 60_000);
