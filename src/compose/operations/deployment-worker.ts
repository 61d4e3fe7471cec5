/** What a ring or an alarm of a deployment has done: steps of tasks, and between them whatever else is due. */

import type { StepWorker } from "../../tasks/engine/steps/step-worker.ts";
import type { Deployment } from "../deployment.ts";

/** For how long domain events are sent beside other work, ms: hosts end what outlives its call; the cron trigger sends the rest. */
const SEND_EVENTS_MS = 20_000;

/**
 * The deployment's step worker, whose `clean` begins to send the domain events that wait, too. Nothing waits for the sink: it may be
 * down. `keepAlive` holds the host awake until the promise settles.
 */
export function workerOf(
  { stepWorker, eventSender, clock }: Pick<Deployment, "stepWorker" | "eventSender" | "clock">,
  keepAlive: (pending: Promise<void>) => void,
): Pick<StepWorker, "start" | "runNext" | "nextDueAt" | "clean"> {
  return {
    start: (lane, max, stop) => stepWorker.start(lane, max, stop),
    runNext: (lane) => stepWorker.runNext(lane),
    nextDueAt: (lane) => stepWorker.nextDueAt(lane),
    clean() {
      const until = clock.monotonic() + SEND_EVENTS_MS;
      if (eventSender !== null) keepAlive(eventSender.drain(() => clock.monotonic() >= until));
      return stepWorker.clean();
    },
  };
}
