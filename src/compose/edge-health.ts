/** How a deployment's parts are. Figures of one isolate say nothing here; what counts is asked of the store. */

import type { Health, HealthPart } from "../http/routes/health.ts";
import { StoreUnavailableError } from "../tasks/ports/store-error.ts";
import type { DeploymentParts } from "./deployment-parts.ts";

type Sources = Pick<
  DeploymentParts,
  "store" | "settings" | "queueHealth" | "catalogue" | "stepWorkerOptions"
>;

export class EdgeHealth implements Health {
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  async ready(): Promise<boolean> {
    return (await this.#store()).status !== "down";
  }

  async parts(): Promise<Record<string, HealthPart>> {
    const { catalogue } = this.#sources;
    const [store, queue] = await Promise.all([this.#store(), this.#queue()]);
    return {
      store,
      queue,
      rooms: { status: "ok", kind: "Durable Objects" },
      providers: { status: "ok", offered: [...catalogue.providers.keys()].join(", ") },
    };
  }

  async #store(): Promise<HealthPart> {
    const { store, settings } = this.#sources;
    const kind = settings.upstash.url === null ? "Durable Object" : "Upstash Redis";
    try {
      await store.ping();
      return { status: "ok", kind };
    } catch (error) {
      // The reason is one of a few words; the message may quote what a service said.
      const reason = error instanceof StoreUnavailableError ? ` (${error.reason})` : "";
      return { status: "down", kind, detail: `the store cannot be read${reason}` };
    }
  }

  async #queue(): Promise<HealthPart> {
    const { store, queueHealth, stepWorkerOptions } = this.#sources;
    const rings = queueHealth();
    try {
      const figures = (await store.stats()).flatMap(({ lane, ready, delayed, held }) => [
        [`${lane}Ready`, ready],
        [`${lane}Delayed`, delayed],
        [`${lane}Held`, held],
        [`${lane}HeldAtMost`, stepWorkerOptions.maxHeld[lane]],
      ]);
      return { ...rings, ...Object.fromEntries(figures) };
    } catch {
      return { ...rings, status: "down", detail: "the queue cannot be read" };
    }
  }
}
