/**
 * The engine: claims due work up to a lane's concurrency, runs one step of each task, writes what came of it, and
 * looks after leases, deadlines and orphans. Work is claimed from the store, so a lost or doubled ring costs nothing.
 * What follows a ring, a claim or a step is decided in scheduling.ts.
 */

import { isTerminal, type TaskType } from "../../protocol/task.ts";
import type { Doorbell, KeptPlace, RungTask } from "../ports/doorbell.ts";
import { describeError } from "../ports/log.ts";
import type { Preview } from "../ports/media-provider.ts";
import { publishUpdate } from "../ports/publisher.ts";
import { type Claim, type ClaimOptions, STEP_KINDS, type StepKind } from "../ports/task-store.ts";
import { NOTHING_SPENT, SUSPECT_FROM_TAKEOVERS } from "../transition.ts";
import { WorkRunners } from "./due-work/runners.ts";
import { DEFAULT_ENGINE_OPTIONS, type EngineDependencies, type EngineOptions } from "./engine-options.ts";
import { Lane } from "./lane.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { WorkListener } from "./other-workers.ts";
import { afterClaim, afterLookUp, afterStep, LOOP, localDueAt, localDueAtOf, onRing } from "./scheduling.ts";
import { type Committed, type StepDriver, StepExecutor } from "./steps/step-executor.ts";
import { type StepDependencies, StepRun } from "./steps/step-run.ts";
import { Sweep } from "./sweep.ts";
import { releaseUnstopped } from "./unstopped.ts";

/**
 * A task on which workers died is worked on once this process has lived for so long without it, ms: a process that is ended
 * from outside again and again would otherwise be taken for one that the task ends.
 */
const SUSPECT_AFTER_MS = 10_000;
/** After `shutdownMs` the calls are aborted and get this long to notice, ms. */
const ABORT_GRACE_MS = 1_000;

/** A step in its place in a lane. */
type Place = { readonly lane: Lane; readonly run: StepRun; readonly kind: StepKind };

export class Engine implements Doorbell, WorkListener {
  readonly #dependencies: EngineDependencies;
  readonly #options: EngineOptions;
  readonly #steps: StepDependencies;
  readonly #dueWork: WorkRunners;
  readonly #leases: LeaseKeeper;
  readonly #sweep: Sweep;
  readonly #executor: StepExecutor;
  readonly #lanes: Readonly<Record<TaskType, Lane>>;
  /** What this process can run. Tasks of other providers are left to processes that have them. */
  readonly #providers: readonly string[];
  /** By task. A call that goes on after its task was lost and claimed again is not here any more, but counts in its lane. */
  readonly #runs = new Map<string, StepRun>();
  /**
   * Claimed tasks on which several workers died: each is worked on while nothing else is open in this process. If the
   * process dies of it, no other task is counted as a possible cause (`takeovers`) or has to be done again. Nothing is
   * claimed meanwhile.
   */
  readonly #alone: (Place & { begun: boolean })[] = [];
  /** Steps whose call may be open. */
  #open = 0;
  #state: "new" | "running" | "stopping" | "stopped" = "new";
  /** Monotonic, ms: when it was started. */
  #startedAt = 0;
  #idle: (() => void) | null = null;

  constructor(dependencies: EngineDependencies, options: EngineOptions = DEFAULT_ENGINE_OPTIONS) {
    this.#dependencies = dependencies;
    this.#options = options;
    this.#providers = [...dependencies.providers.keys()];
    this.#executor = new StepExecutor(dependencies, options.retry);
    const { store, clock, log, previews, hooks } = dependencies;
    this.#steps = {
      ...dependencies,
      progressIntervalMs: options.progressIntervalMs,
      estimateIntervalMs: options.estimateIntervalMs,
      ...(previews && { preview: (taskId: string, preview: Preview) => previews.show(taskId, preview) }),
      ...(hooks && { hookUrl: (provider: string, taskId: string) => hooks.urlOf(provider, taskId) }),
    };
    this.#dueWork = new WorkRunners(dependencies, { leaseMs: options.leaseMs });
    this.#leases = new LeaseKeeper({ store, clock, log, held: () => this.#runs.values() }, options);
    const lane = (type: TaskType) =>
      new Lane(type, options.concurrency[type], clock, (due) => this.#ring(due));
    this.#lanes = { image: lane("image"), video: lane("video") };
    this.#sweep = new Sweep(
      {
        ...dependencies,
        renewLeases: () => this.#leases.catchUp(),
        sweepDueWork: () => this.#dueWork.sweep(),
        ended: (taskId) => this.drop(taskId),
        tookOver: () => this.#ringAll(),
        lookForWork: () => this.#lookForWork(),
      },
      options.sweepMs,
    );
  }

  /** Begins to work: what an earlier process left is claimed like anything else. */
  start(): void {
    if (this.#state !== "new") throw new Error("an engine starts once");
    this.#state = "running";
    this.#startedAt = this.#dependencies.clock.monotonic();
    this.#leases.start();
    // First what is past its deadline ends: nothing that cannot finish in time any more is worth a provider call.
    void this.#sweep.start().then(() => this.#ringAll());
  }

  /** A task waits for a start, a place of its key is free, or a job is to be polled sooner than it was to be. */
  ring(type: TaskType, atMs: number, task?: RungTask): void {
    const lane = this.#lanes[type];
    this.#ring(lane, atMs, lane.free(task?.status === "running" ? "poll" : "start"));
  }

  /**
   * None for stores that others share: their creates claim nothing. While a claim is under way it cannot be told which
   * places it will fill: then the task is rung for.
   */
  keepPlace(type: TaskType): KeptPlace | null {
    const lane = this.#lanes[type];
    const { clock, others } = this.#dependencies;
    if (others !== undefined || this.#state !== "running" || this.#alone.length > 0) return null;
    if (lane.claiming || lane.free("start") === 0) return null;
    const from = clock.monotonic();
    lane.take("start");
    return {
      claim: this.#claimOptions(lane, { start: 1, poll: 0 }),
      end: (claims) => {
        lane.giveBack("start");
        this.#begin(lane, claims, from);
        if (lane.rung && lane.free("start") > 0) this.#ring(lane);
        this.#noteIdle();
      },
    };
  }

  /** Ends the call of a task that another transition has ended (cancel, deadline), whichever process has it open. */
  drop(taskId: string): void {
    if (this.#runs.has(taskId)) this.stopEnded(taskId);
    else this.#dependencies.others?.ended(taskId);
    this.#dueWork.ring();
  }

  stopEnded(taskId: string): void {
    this.#runs.get(taskId)?.stop("lost");
  }

  wake(type: TaskType): void {
    const lane = this.#lanes[type];
    // A full process that passed the word on would wake the one it came from.
    if (lane.free("start") > 0) this.#ring(lane);
  }

  /** Provider calls open now, for metrics. */
  get heldSteps(): number {
    return Object.values(this.#lanes).reduce((held, lane) => held + lane.held, 0);
  }

  /**
   * Stops claiming, gives running steps `shutdownMs` to finish, then aborts them and hands their tasks back.
   * Resolves when nothing is written any more, at most about two seconds after the bound.
   */
  async stop(): Promise<void> {
    if (this.#state === "stopped" || this.#state === "stopping") return;
    this.#state = "stopping";
    for (const lane of Object.values(this.#lanes)) lane.disarm();
    this.#sweep.stop();
    // What waits to be worked on alone is handed back.
    for (const waiting of this.#alone.filter(({ begun }) => !begun)) {
      waiting.begun = true;
      waiting.run.stop("shutdown");
      void this.#work(waiting);
    }
    if (!(await this.#idleWithin(this.#options.shutdownMs))) {
      for (const run of this.#runs.values()) run.stop("shutdown");
      if (!(await this.#idleWithin(ABORT_GRACE_MS)))
        await releaseUnstopped(this.#runs.values(), this.#dependencies);
    }
    await this.#dueWork.stop(ABORT_GRACE_MS);
    this.#leases.stop();
    this.#state = "stopped";
  }

  /** There is work in the lane, now or at `atMs`; `freeSlots` are those it could take. */
  #ring(lane: Lane, atMs?: number, freeSlots = lane.freeSlots): void {
    if (this.#state !== "running") return;
    if (this.#alone.length > 0) {
      lane.rung = true;
      return;
    }
    const now = this.#dependencies.clock.now();
    switch (onRing(atMs ?? now, now, { freeSlots, claiming: lane.claiming })) {
      case "wait":
        lane.arm(atMs ?? now);
        break;
      case "claim":
        void this.#claim(lane);
        break;
      case "claim_again":
        lane.rung = true;
        break;
      case "forward":
        lane.rung = true;
        this.#dependencies.others?.workLeft(lane.type);
        break;
    }
  }

  #ringAll(): void {
    for (const lane of Object.values(this.#lanes)) this.#ring(lane);
  }

  async #claim(lane: Lane): Promise<void> {
    const { store, clock, log, others } = this.#dependencies;
    const free = { start: lane.free("start"), poll: lane.free("poll") };
    const from = clock.monotonic();
    lane.claiming = true;
    lane.rung = false;
    let claims: readonly Claim[] | null = null;
    try {
      claims = await store.claim(this.#claimOptions(lane, free));
    } catch (error) {
      log.error("claim failed", { lane: lane.type, cause: describeError(error) });
      this.#armLane(lane, clock.now() + LOOP.storeRetryMs);
    }
    lane.claiming = false;
    if (claims !== null) {
      this.#begin(lane, claims, from);
      // Where every place of a kind is taken there may be more of it, whatever places are free for the other kind.
      const claimed = claims.length;
      const filled = STEP_KINDS.some(
        (kind) => free[kind] > 0 && claims.filter((claim) => kindOf(claim) === kind).length === free[kind],
      );
      const next = afterClaim(LOOP, { asked: filled ? claimed : claimed + 1, claimed }, lane.rung);
      if (next === "ring") {
        // Whoever rang for a start finds no place for it here.
        if (lane.free("start") === 0) others?.workLeft(lane.type);
        this.#ring(lane);
      } else if (next === "look_up") this.#lookUp(lane, claims.length);
      else if (next === "forward") others?.workLeft(lane.type);
    }
    this.#noteIdle();
  }

  #isIdle(): boolean {
    return Object.values(this.#lanes).every((lane) => lane.held === 0 && !lane.claiming);
  }

  #noteIdle(): void {
    if (this.#idle !== null && this.#isIdle()) this.#idle();
  }

  #claimOptions(lane: Lane, { start, poll }: Readonly<Record<StepKind, number>>): ClaimOptions {
    const { leaseMs } = this.#options;
    const max = start + poll;
    return { lane: lane.type, providers: this.#providers, leaseMs, max, maxStarts: start, maxPolls: poll };
  }

  #begin(lane: Lane, claims: readonly Claim[], claimedAt: number): void {
    for (const claim of claims) {
      if (this.#isTooEarlyFor(claim)) {
        void this.#defer(lane, claim);
        continue;
      }
      const run = new StepRun(claim.task, claim.lease, claimedAt + this.#options.leaseMs, this.#steps);
      const place = { lane, run, kind: kindOf(claim) };
      lane.take(place.kind);
      // The sweep may have taken a task back from this very process: only one call may go on.
      this.#runs.get(claim.task.id)?.stop("lost");
      this.#runs.set(claim.task.id, run);
      if (claim.update !== null) publishUpdate(this.#dependencies.publisher, claim.update);
      if (this.#state !== "running") run.stop("shutdown");
      if (claim.task.takeovers >= SUSPECT_FROM_TAKEOVERS) this.#alone.push({ ...place, begun: false });
      else void this.#work(place);
    }
    this.#workAlone();
  }

  /** How long a suspect has to wait for its turn, ms; 0 or less when it may begin. */
  #suspectWaitMs(): number {
    return this.#startedAt + SUSPECT_AFTER_MS - this.#dependencies.clock.monotonic();
  }

  #isTooEarlyFor({ task }: Claim): boolean {
    return task.takeovers >= SUSPECT_FROM_TAKEOVERS && this.#suspectWaitMs() > 0;
  }

  /** Hands a suspect back until this process may work on it. */
  async #defer(lane: Lane, { task, lease, update }: Claim): Promise<void> {
    const { store, publisher, clock, log } = this.#dependencies;
    if (update !== null) publishUpdate(publisher, update);
    const delayMs = this.#suspectWaitMs();
    this.#armLane(lane, clock.now() + delayMs);
    await store.advance(lease, { kind: "defer", delayMs, spent: NOTHING_SPENT }).catch((error: unknown) => {
      log.error("task could not be handed back", { taskId: task.id, cause: describeError(error) });
    });
  }

  /** Begins the next task that is worked on alone, once nothing else is open. */
  #workAlone(): void {
    const next = this.#alone[0];
    if (next === undefined || next.begun || this.#open > 0) return;
    next.begun = true;
    void this.#work(next);
  }

  async #work({ lane, run, kind }: Place): Promise<void> {
    const { id } = run.task;
    const driver = this.#driverOf(lane, kind);
    this.#open += 1;
    let committed: Committed | null = null;
    try {
      committed = await this.#executor.run(run, driver);
    } catch (error) {
      this.#dependencies.log.error("step could not be written", { taskId: id, cause: describeError(error) });
    } finally {
      if (this.#runs.get(id) === run) this.#runs.delete(id);
      lane.giveBack(kind);
      this.#open -= 1;
    }
    const alone = this.#alone.findIndex((one) => one.run === run);
    if (alone >= 0) this.#alone.splice(alone, 1);
    if (committed !== null) this.#begin(lane, committed.claims, committed.at);
    const { clock } = this.#dependencies;
    // Word of its end, which others than its own webhook find by the sweep.
    if (committed?.task?.webhook && isTerminal(committed.task.status)) this.#dueWork.ring();
    const dueAt = committed?.task ? localDueAtOf(committed.task, clock.now()) : null;
    if (dueAt !== null) this.#armLane(lane, dueAt);
    const claimed = committed !== null && driver.claimed ? committed.claims.length : null;
    // Somebody rang for a start: a place that only polls can take is none for it.
    const next = afterStep(claimed, lane.rung && lane.free("start") > 0);
    if (next === "ring") this.#ring(lane);
    else if (next === "look_up") this.#lookUp(lane, claimed);
    this.#workAlone();
    // Nothing was claimed while it was at work.
    if (alone >= 0 && this.#alone.length === 0) this.#ringAll();
    this.#noteIdle();
  }

  /** `claimed` becomes true when the write of the outcome also claims, for the place that it gives back. */
  #driverOf(lane: Lane, kind: StepKind): StepDriver & { readonly claimed: boolean } {
    const driver = {
      claimed: false,
      claimNext: () => {
        driver.claimed = this.#state === "running" && this.#alone.length === 0;
        return driver.claimed ? this.#claimOptions(lane, { start: 0, poll: 0, [kind]: 1 }) : undefined;
      },
      stopped: () => this.#state === "stopped",
      storeFailed: () => {
        this.#sweep.storeFailed();
      },
      leftJob: () => this.#dueWork.ring(),
      leftDelivery: () => this.#dueWork.ring(),
    };
    return driver;
  }

  /** Finds out when the lane's next work is due; `claimed` is what the claim before brought, null when there was none. */
  #lookUp(lane: Lane, claimed: number | null): void {
    if (this.#state !== "running") return;
    const { store, clock, log } = this.#dependencies;
    const kinds = STEP_KINDS.filter((kind) => lane.free(kind) > 0);
    store.nextDueIn(lane.type, this.#providers, kinds.length === 1 ? kinds[0] : undefined).then(
      (dueInMs) => {
        const now = clock.now();
        const next = afterLookUp(claimed, localDueAt(dueInMs, now), now);
        if (next.do === "claim") this.#ring(lane);
        else if (next.do === "wait") this.#armLane(lane, next.until);
      },
      (error: unknown) => {
        log.error("store could not be read", { lane: lane.type, cause: describeError(error) });
        this.#armLane(lane, clock.now() + LOOP.storeRetryMs);
      },
    );
  }

  #armLane(lane: Lane, atMs: number): void {
    if (this.#state === "running") lane.arm(atMs);
  }

  #lookForWork(): void {
    for (const lane of Object.values(this.#lanes)) if (lane.freeSlots > 0) this.#lookUp(lane, null);
  }

  #idleWithin(ms: number): Promise<boolean> {
    if (this.#isIdle()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = this.#dependencies.clock.after(ms, () => {
        this.#idle = null;
        resolve(false);
      });
      this.#idle = () => {
        this.#idle = null;
        timer.cancel();
        resolve(true);
      };
    });
  }
}

function kindOf({ update }: Claim): StepKind {
  return update === null ? "poll" : "start";
}
