/** The health of a gateway with a store: what each part says of itself. */

import type { Health, HealthPart } from "../http/routes/health.ts";
import type { RoomsStats } from "../rooms/rooms.ts";
import type { QueueStats } from "../tasks/ports/task-store.ts";

export type GatewayHealthSources = {
  store: { ping(): Promise<void>; stats(): Promise<QueueStats[]> };
  /** Why what the store acknowledges may be lost; null when it lasts. May reject. */
  storeDoubt(): Promise<string | null>;
  engine: { readonly heldSteps: number };
  rooms: { stats(): RoomsStats };
  /** What connects this process with the others that share its store; null where nothing does. */
  bus: { readonly connected: boolean } | null;
  providers: ReadonlyMap<string, unknown>;
};

export class GatewayHealth implements Health {
  readonly #sources: GatewayHealthSources;
  #stopping = false;

  constructor(sources: GatewayHealthSources) {
    this.#sources = sources;
  }

  /** From here on nothing new should be sent to this process. */
  stopping(): void {
    this.#stopping = true;
  }

  async ready(): Promise<boolean> {
    return !this.#stopping && (await this.#storeAnswers());
  }

  async parts(): Promise<Record<string, HealthPart>> {
    const { engine, providers } = this.#sources;
    return {
      store: await this.#store(),
      queue: await this.#queue(engine.heldSteps),
      rooms: this.#rooms(),
      providers: { status: "ok", offered: [...providers.keys()].join(", ") },
    };
  }

  async #store(): Promise<HealthPart> {
    try {
      await this.#sources.store.ping();
      const doubt = await this.#sources.storeDoubt();
      return doubt === null ? { status: "ok" } : { status: "degraded", detail: doubt };
    } catch {
      return { status: "down", detail: "the store cannot be read" };
    }
  }

  #rooms(): HealthPart {
    const { rooms, bus } = this.#sources;
    if (bus === null || bus.connected) return { status: "ok", ...rooms.stats() };
    const detail = "messages of other instances do not arrive: followers hear of their tasks late";
    return { status: "degraded", detail, ...rooms.stats() };
  }

  async #queue(providerCalls: number): Promise<HealthPart> {
    try {
      const stats = await this.#sources.store.stats();
      const figures = stats.flatMap(({ lane, ready, delayed, held }) => [
        [`${lane}Ready`, ready],
        [`${lane}Delayed`, delayed],
        [`${lane}Held`, held],
      ]);
      return { status: "ok", providerCalls, ...Object.fromEntries(figures) };
    } catch {
      return { status: "down", detail: "the queue cannot be read" };
    }
  }

  async #storeAnswers(): Promise<boolean> {
    try {
      await this.#sources.store.ping();
      return true;
    } catch {
      return false;
    }
  }
}
