/**
 * `ConduitRealtimeClient`: follows any number of tasks over one hub connection. A hub that is lost is reached again, and tasks go on
 * behind what was heard last; where it cannot be had, tasks are followed over event streams and by reading, until it can. Whatever the
 * way, an end comes once and progress never goes down.
 */

import type { WireEvent, WireReset, WireSnapshot } from "../../protocol/task.ts";
import type { TaskUpdate } from "../following/update-order.ts";
import { postTask } from "../resources/creation.ts";
import { ConduitError, ConnectionError, StatusError } from "../transport/errors.ts";
import { type CallOptions, Requester } from "../transport/requester.ts";
import { Emitter } from "./emitter.ts";
import { FallbackFollower } from "./fallback-follower.ts";
import { FollowedTask } from "./followed-task.ts";
import { type OpenHub, openSignalRHub } from "./hub-link.ts";
import { connectionLeft, HubSession } from "./hub-session.ts";
import {
  type ConduitClientOptions,
  type HubType,
  REALTIME_TRANSPORTS,
  type RealtimeEvents,
  type RealtimeTransport,
} from "./realtime-events.ts";

const MAX_RECONNECT_ATTEMPTS = 5;
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
  /** The connection there is or that is being made. */
  #session: HubSession | null = null;
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
    if (this.#session?.link) return "hub";
    return this.#session?.isFallen ? this.#streamKind() : null;
  }

  /**
   * Replaces the connection there is; tasks that are followed stay so. One connection serves pictures and films. Rejects with a
   * `StatusError` when the key is refused, or the hub where no other transport is allowed, and with a `ConnectionError` when the
   * gateway cannot be reached.
   */
  async connect(hubType: HubType = "image"): Promise<void> {
    const session = this.#newSession();
    await this.#replace(session);
    try {
      await session.open();
    } catch (error) {
      if (this.#session === session) this.#session = null;
      throw error;
    }
    if (this.#session !== session) throw connectionLeft();
    this.#opened = true;
    await this.#followAll();
    if (this.#session !== session) throw connectionLeft();
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
        this.#forget(id, followed);
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
    await this.#session?.link?.unsubscribe(id).catch(() => {});
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
    const { taskId } = await postTask(this.#requester, type, params, options).catch((error: unknown) => {
      if (!(error instanceof StatusError) || error.code !== null) throw error;
      const what = type === "image" ? "Image" : "Video";
      throw new ConduitError(`${what} generation failed`, { cause: error });
    });
    if (this.#opened)
      await this.subscribeToTask(taskId, type).catch((error: unknown) => this.#report("subscribe", error));
    return taskId;
  }

  /** Puts a session, or none, in the place of the one there is, which is ended. */
  async #replace(session: HubSession | null): Promise<void> {
    const before = this.#session;
    this.#session = session;
    this.#opened = false;
    this.#fallback.clear();
    await before?.close();
  }

  #newSession(): HubSession {
    const { maxReconnectAttempts = MAX_RECONNECT_ATTEMPTS, enableLogging = false } = this.#options;
    return new HubSession(
      {
        requester: this.#requester,
        openHub: this.#openHub,
        usesHub: this.#transports.includes("hub"),
        fallsBack: this.#transports.some((transport) => transport !== "hub"),
        mostAttempts: maxReconnectAttempts,
        enableLogging,
      },
      {
        heard: (update) => this.#heard(update),
        reconnecting: (error) => this.emit("reconnecting", error === undefined ? {} : { error }),
        moved: () => this.#followAll(),
        reconnected: (connectionId) => this.emit("reconnected", { connectionId }),
        lost: (error) => void this.#end({ error }),
        isNeeded: () => this.#followed.size > 0,
        log: (text) => this.#log(text),
      },
    );
  }

  async #followAll(): Promise<void> {
    if (this.#session?.link) this.#fallback.clear();
    const waiting = [...this.#followed];
    while (waiting.length > 0)
      await Promise.all(
        waiting.splice(0, SUBSCRIBING_AT_ONCE).map(async ([id, followed]) => {
          try {
            await this.#follow(id, followed);
          } catch (error) {
            this.#forget(id, followed);
            this.#report("subscribe", error);
          }
        }),
      );
  }

  /** By the way there is now; while a hub is being reached again, by none. */
  async #follow(id: string, followed: FollowedTask): Promise<void> {
    const session = this.#session;
    const link = session?.link ?? null;
    if (link === null) {
      if (session?.isFallen) this.#fallback.follow(id, followed.order);
      return;
    }
    try {
      await link.subscribe(id, followed.order.lastId);
    } catch (error) {
      // Lost in between: whoever reaches it again follows the task.
      if (this.#session?.link === link) throw error;
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

  /** `only`: unless it is followed anew by now. */
  #forget(id: string, only?: FollowedTask): void {
    if (only !== undefined && this.#followed.get(id) !== only) return;
    this.#fallback.forget(id);
    this.#followed.delete(id);
  }

  async #end(payload: { error?: Error }): Promise<void> {
    const wasThere = this.#session !== null;
    const ending = this.#replace(null);
    this.#followed.clear();
    await ending;
    if (wasThere) this.emit("disconnected", payload);
  }

  #streamKind(): RealtimeTransport {
    return this.#transports.includes("sse") ? "sse" : "polling";
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
