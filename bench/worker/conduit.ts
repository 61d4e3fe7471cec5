/**
 * The deployed Worker with one more Durable Object that holds a task and offers its progress: every event is recorded by
 * the store and then published, past the progress throttle, as a step does with what the throttle lets through.
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectNamespace } from "@cloudflare/workers-types";
import type { Bindings } from "../../src/runtime/cloudflare/bindings.ts";
import { partsOf } from "../../src/runtime/cloudflare/parts.ts";
import worker from "../../src/runtime/cloudflare/worker.ts";
import type { Lease } from "../../src/tasks/ports/task-store.ts";
import { offer, printMoment } from "../harness/offered-rate.ts";

export * from "../../src/runtime/cloudflare/worker.ts";

type BenchBindings = Bindings & { readonly OFFERER: DurableObjectNamespace<Offerer> };

const HOUR_MS = 3_600_000;
const BENCH_PATH = "/bench/";

export class Offerer extends DurableObject<BenchBindings> {
  /** Makes the task that everybody follows, and holds it. Answers its id. */
  async prepare(): Promise<string> {
    const { store, tasks, keys, settings } = partsOf(this.env);
    const { id: keyId } = await keys.ensureBootstrapKey(settings.keys.bootstrap ?? "");
    const { view } = await tasks.submit({
      tenant: { keyId, subject: "" },
      type: "video",
      model: "bench",
      route: [{ provider: "bench", model: "bench" }],
      request: { prompt: "a lighthouse in a storm", n: 1 },
      priority: "normal",
      timeoutMs: HOUR_MS,
      metadata: {},
      baseUrl: "http://127.0.0.1",
      reservedMicros: 0,
      price: null,
      retryOf: null,
      customer: null,
      idempotency: null,
    });
    // The step runner was rung as well; whoever comes first holds it.
    const [claim] = await store.claim({ lane: "video", leaseMs: HOUR_MS, max: 1 });
    if (claim === undefined) throw new Error("the bench's own task could not be claimed");
    // The crowd may take longer to come than an idle object stays in memory.
    await this.ctx.storage.put("lease", claim.lease);
    return view.task.id;
  }

  async offer(perSecond: number, seconds: number, startsAt: number): Promise<number> {
    const lease = await this.ctx.storage.get<Lease>("lease");
    if (lease === undefined) throw new Error("nothing was prepared");
    const { store, publisher } = partsOf(this.env);
    const writes: Promise<void>[] = [];
    const emitted = await offer(perSecond, seconds, startsAt, (dueAt) => {
      const recorded = store.advance(lease, { kind: "progress", percent: 50, message: printMoment(dueAt) });
      writes.push(
        recorded.then((outcome) => {
          if (!outcome.applied) throw new Error("the bench lost the lease of its own task");
          publisher.publish(outcome.update);
        }),
      );
    });
    await Promise.all(writes);
    return emitted;
  }
}

export default {
  async fetch(request: Request, bindings: BenchBindings): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (!pathname.startsWith(BENCH_PATH)) return worker.fetch(request, bindings);
    const offerer = bindings.OFFERER.getByName("offerer");
    if (pathname === `${BENCH_PATH}prepare`) return Response.json({ taskId: await offerer.prepare() });
    const { perSecond, seconds, startsAt } = (await request.json()) as Record<string, number>;
    return Response.json({ emitted: await offerer.offer(perSecond ?? 0, seconds ?? 0, startsAt ?? 0) });
  },
};
