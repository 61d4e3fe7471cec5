/**
 * `ConduitRealtimeClient`: follows any number of tasks over one hub connection. A hub that is lost is reached again, and tasks go on
 * behind what was heard last; where it cannot be had, tasks are followed over event streams and by reading, until it can. Whatever the
 * way, an end comes once and progress never goes down.
 */

import type { WireEvent, WireReset, WireSnapshot } from "../../protocol/task.ts";
import { backoffMs, sleep } from "../clock.ts";
import type { TaskUpdate } from "../following/update-order.ts";
import { createTask } from "../resources/creation.ts";
import { ConduitError, ConnectionError, isFinal, StatusError } from "../transport/errors.ts";
import { type CallOptions, Requester } from "../transport/requester.ts";
import { Emitter } from "./emitter.ts";
import { FallbackFollower } from "./fallback-follower.ts";
import { FollowedTask } from "./followed-task.ts";
import { type HubLink, type OpenHub, openSignalRHub, SignalRMissingError } from "./hub-link.ts";
import {
  type ConduitClientOptions,
  type HubType,
  REALTIME_TRANSPORTS,
  type RealtimeEvents,
  type RealtimeTransport,
} from "./realtime-events.ts";

const MAX_RECONNECT_ATTEMPTS = 5;
const RECONNECT_BASE_MS = 1_000;
const RECONNECT_MOST_MS = 30_000;
/** Waits between tries to reach the hub again while tasks are followed without it. */
const RETURN_BASE_MS = 30_000;
const RETURN_MOST_MS = 600_000;
/** Browsers open six connections to one origin. */
const MOST_STREAMS = 4;
/** Subscriptions sent at once when a hub is reached again. */
const SUBSCRIBING_AT_ONCE = 50;
const NOT_CONNECTED = "Not connected to hub";

export class ConduitRealtimeClient extends Emitter<RealtimeEvents> {
  readonly #options: ConduitClientOptions;
  readonly #requester: Requester;
  readonly #openHub: OpenHub;
  readonly #transports: readonly RealtimeTransport[];
  readonly #followed = new Map<string, FollowedTask>();
  readonly #fallback: FallbackFollower;
  #link: HubLink | null = null;
  /** Of the connection there is or that is being made; aborted when it is replaced or ended. */
  #session: AbortController | null = null;
  /** Whether tasks are followed without the hub. */
  #fallen = false;
  #opened = false;

  constructor(options: ConduitClientOptions, openHub: OpenHub = openSignalRHub) {
    super();
    this.#options = options;
    this.#requester = new Requester(options);
    this.#openHub = openHub;
    this.#transports = options.transports ?? REALTIME_TRANSPORTS;
    const mostStreams = this.#streamKind() === "sse" ? (options.mostStreams ?? MOST_STREAMS) : 0;
    this.#fallback = new FallbackFollower(this.#requester, mostStreams, {
      accepted: (id, update) => {
        const followed = this.#followed.get(id);
        if (followed) this.#show(id, followed, update);
      },
      failed: (ids, error) => this.#failed(ids, error),
    });
  }

  /** Whether tasks can be followed: over the hub, or another transport. */
  get isConnected(): boolean {
    return this.#opened;
  }

  /** The way in which news come now; null while there is none. */
  get transport(): RealtimeTransport | null {
    if (this.#link !== null) return "hub";
    return this.#fallen ? this.#streamKind() : null;
  }

  /**
   * Replaces the connection there is; tasks that are followed stay so. One connection serves pictures and films. Rejects with a
   * `StatusError` when the key is refused, or the hub where no other transport is allowed, and with a `ConnectionError` when the
   * gateway cannot be reached.
   */
  async connect(hubType: HubType = "image"): Promise<void> {
    const session = await this.#begin();
    try {
      await this.#open(session);
    } catch (error) {
      if (this.#session === session) this.#session = null;
      throw error;
    }
    this.#requireCurrent(session);
    this.#opened = true;
    await this.#followAll();
    this.#log(`connected (${this.transport})`);
    this.emit("connected", { hubType });
  }

  /** Follows a task until its end; its state comes first. Again is no error. */
  async subscribeToTask(taskId: string, taskType: HubType): Promise<void> {
    if (!this.#opened) throw new ConduitError(NOT_CONNECTED);
    const id = taskId.toLowerCase();
    if (!this.#followed.has(id)) {
      const followed = new FollowedTask(taskId, taskType);
      this.#followed.set(id, followed);
      try {
        await this.#follow(id, followed);
      } catch (error) {
        this.#forget(id);
        throw error;
      }
    }
    this.emit("subscribed", { taskId, taskType });
  }

  async unsubscribeFromTask(taskId: string): Promise<void> {
    if (!this.#opened) throw new ConduitError(NOT_CONNECTED);
    const id = taskId.toLowerCase();
    this.#forget(id);
    // A link that is lost follows nothing any more.
    await this.#link?.unsubscribe(id).catch(() => {});
    this.emit("unsubscribed", { taskId });
  }

  /** The id of the task; it is followed when this client is connected. */
  generateImage(
    params: { model: string; prompt: string; size?: string; n?: number },
    options: CallOptions = {},
  ): Promise<string> {
    return this.#generate("image", params, options);
  }

  /** The same for a film. */
  generateVideo(
    params: { model: string; prompt: string; duration?: number; size?: string },
    options: CallOptions = {},
  ): Promise<string> {
    return this.#generate("video", params, options);
  }

  /** Follows nothing any more; `connect` begins anew. */
  async disconnect(): Promise<void> {
    await this.#end({});
  }

  async #generate(
    type: HubType,
    params: { model: string; prompt: string },
    options: CallOptions,
  ): Promise<string> {
    const { taskId } = await createTask(this.#requester, type, params, options).catch((error: unknown) => {
      if (!(error instanceof StatusError) || error.code !== null) throw error;
      const what = type === "image" ? "Image" : "Video";
      throw new ConduitError(`${what} generation failed`, { cause: error });
    });
    if (this.#opened)
      await this.subscribeToTask(taskId, type).catch((error: unknown) => this.#report("subscribe", error));
    return taskId;
  }

  /** Ends the connection there is, and answers the token of the next one. */
  async #begin(): Promise<AbortController> {
    const session = new AbortController();
    this.#session?.abort(new ConduitError("The connection was replaced."));
    this.#session = session;
    const link = this.#link;
    this.#link = null;
    this.#fallen = false;
    this.#opened = false;
    this.#fallback.clear();
    await link?.close().catch(() => {});
    return session;
  }

  /** The hub, else the other transports where the gateway can be reached; throws why neither can be had. */
  async #open(session: AbortController): Promise<void> {
    const hub = this.#transports.includes("hub");
    let refusal: unknown = null;
    if (hub) {
      try {
        return await this.#openLink(session);
      } catch (error) {
        refusal = error;
        this.#log(`the hub cannot be had: ${messageOf(error)}`);
      }
    }
    // Tells a refused key and a gateway that is away from a hub that is closed to us, and renews a key that has expired.
    await this.#requester.json("GET", "/v1/key", { signal: session.signal });
    if (hub && this.#requester.credentials.renewable) {
      try {
        return await this.#openLink(session);
      } catch (error) {
        refusal = error;
      }
    }
    this.#requireCurrent(session);
    if (this.#fallsBack()) return this.#fall(session, refusal);
    if (refusal instanceof StatusError) throw refusal;
    const message = "The hub cannot be reached, and no other transport is allowed.";
    throw new ConnectionError(message, { cause: refusal });
  }

  /** From now on tasks are followed without the hub, until it can be had again. */
  #fall(session: AbortController, refusal: unknown): void {
    this.#fallen = true;
    if (this.#transports.includes("hub") && !(refusal instanceof SignalRMissingError))
      void this.#returnToHub(session);
  }

  async #returnToHub(session: AbortController): Promise<void> {
    const { clock, random } = this.#requester;
    const waits = { baseMs: RETURN_BASE_MS, mostMs: RETURN_MOST_MS, random };
    for (let tries = 1; !session.signal.aborted; tries += 1) {
      try {
        await sleep(clock, backoffMs(tries, waits), session.signal);
        await this.#openLink(session);
        return await this.#reconnected();
      } catch (error) {
        if (!session.signal.aborted) this.#log(`the hub cannot be had yet: ${messageOf(error)}`);
      }
    }
  }

  async #openLink(session: AbortController): Promise<void> {
    let link: HubLink | null = null;
    const current = () => this.#session === session && (link === null || this.#link === link);
    const opened = await this.#openHub(
      this.#requester,
      {
        update: (update) => {
          if (current()) this.#heard(update);
        },
        closed: (error) => {
          if (current() && link !== null) void this.#reconnect(session, error);
        },
      },
      this.#options.enableLogging ?? false,
    );
    link = opened;
    if (session.signal.aborted) {
      await opened.close().catch(() => {});
      this.#requireCurrent(session);
    }
    this.#link = opened;
    this.#fallen = false;
    this.#fallback.clear();
  }

  async #reconnect(session: AbortController, lost: Error | undefined): Promise<void> {
    this.#link = null;
    this.emit("reconnecting", lost === undefined ? {} : { error: lost });
    const { clock, random } = this.#requester;
    const most = this.#options.maxReconnectAttempts ?? MAX_RECONNECT_ATTEMPTS;
    let error: unknown = lost;
    try {
      for (let tries = 1; tries <= most; tries += 1) {
        const wait = backoffMs(tries, { baseMs: RECONNECT_BASE_MS, mostMs: RECONNECT_MOST_MS, random });
        await sleep(clock, wait, session.signal);
        try {
          await this.#openLink(session);
          return await this.#reconnected();
        } catch (failed) {
          this.#requireCurrent(session);
          error = failed;
          this.#log(`try ${tries} of ${most} to reach the hub again: ${messageOf(failed)}`);
          await this.#renewKey(session);
        }
      }
      await this.#open(session);
      await this.#reconnected();
    } catch (failed) {
      if (session.signal.aborted) return;
      error = failed;
      // What is followed goes on being asked for, for as long as `followTask` has patience.
      if (!isFinal(failed) && this.#followed.size > 0 && this.#fallsBack()) {
        this.#fall(session, failed);
        await this.#followAll();
      } else
        await this.#end({ error: failed instanceof Error ? failed : new ConnectionError(messageOf(error)) });
    }
  }

  async #reconnected(): Promise<void> {
    await this.#followAll();
    this.emit("reconnected", { connectionId: this.#link?.connectionId ?? null });
  }

  /** Throws when the key is refused for good; a gateway that is away is no news. */
  async #renewKey(session: AbortController): Promise<void> {
    try {
      await this.#requester.json("GET", "/v1/key", { signal: session.signal, maxRetries: 0 });
    } catch (error) {
      if (isFinal(error)) throw error;
    }
  }

  async #followAll(): Promise<void> {
    const waiting = [...this.#followed];
    while (waiting.length > 0)
      await Promise.all(
        waiting.splice(0, SUBSCRIBING_AT_ONCE).map(async ([id, followed]) => {
          try {
            await this.#follow(id, followed);
          } catch (error) {
            this.#forget(id);
            this.#report("subscribe", error);
          }
        }),
      );
  }

  /** By the way there is now; while a hub is being reached again, by none. */
  async #follow(id: string, followed: FollowedTask): Promise<void> {
    const link = this.#link;
    if (link === null) {
      if (this.#fallen) this.#fallback.follow(id, followed.order);
      return;
    }
    try {
      await link.subscribe(id, followed.order.lastId);
    } catch (error) {
      // Lost in between: whoever reaches it again follows the task.
      if (this.#link === link) throw error;
    }
  }

  #failed(ids: readonly string[], error: unknown): void {
    const followed = ids.filter((id) => this.#followed.has(id));
    for (const id of followed) this.#forget(id);
    if (followed.length > 0) this.#report("follow", error);
    if (this.#followed.size === 0 && error instanceof ConnectionError) void this.#end({ error });
  }

  #heard(update: WireEvent | WireSnapshot | WireReset): void {
    if (update.type === "reset") {
      for (const { order } of this.#followed.values()) order.accept(update);
      return;
    }
    const id = update.type === "snapshot" ? update.task.taskId : update.taskId;
    const followed = this.#followed.get(id);
    const accepted = followed?.order.accept(update);
    if (followed && accepted) this.#show(id, followed, accepted);
  }

  #show(id: string, followed: FollowedTask, update: TaskUpdate): void {
    const said = followed.say(update);
    if (followed.order.over) this.#forget(id);
    if (said === null) return;
    if (said.event === "progress") this.emit("progress", said.payload);
    else this.emit(said.event, said.payload);
  }

  #forget(id: string): void {
    this.#fallback.forget(id);
    this.#followed.delete(id);
  }

  async #end(payload: { error?: Error }): Promise<void> {
    const wasThere = this.#session !== null;
    const ending = this.#begin();
    this.#followed.clear();
    const session = await ending;
    // Somebody may have connected again meanwhile.
    if (this.#session === session) this.#session = null;
    if (wasThere) this.emit("disconnected", payload);
  }

  #fallsBack(): boolean {
    return this.#transports.some((transport) => transport !== "hub");
  }

  #streamKind(): RealtimeTransport {
    return this.#transports.includes("sse") ? "sse" : "polling";
  }

  #requireCurrent(session: AbortController): void {
    if (this.#session !== session)
      throw session.signal.reason ?? new ConduitError("The connection was replaced.");
  }

  #report(type: string, error: unknown): void {
    this.#log(`${type}: ${messageOf(error)}`);
    this.emit("error", { type, error: error instanceof Error ? error : new ConduitError(String(error)) });
  }

  #log(text: string): void {
    if (this.#options.enableLogging) console.info(`[conduit] ${text}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
