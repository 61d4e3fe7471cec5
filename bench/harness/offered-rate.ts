/** Emits events at a fixed rate, as evenly as timers allow, and the event that every contender of the fan-out sends. */

/** Finer than the time between events at the rates used here, so that a tick rarely carries more than one or two. */
const TICK_MS = 1;

const TASK_ID = "019aa7b5-9c00-7000-8000-000000000000";
const EPOCH = "k3Jx09aQ";

/**
 * Milliseconds of the wall clock as it was when this process began plus the monotonic time since: the same in every
 * process to about half a millisecond, so an event can carry its own birth.
 */
export function machineNow(): number {
  return performance.timeOrigin + performance.now();
}

/** A progress event of the wire contract. Its message is the moment it was due. */
export function progressEvent(seq: number, dueAt: number): string {
  return `{"id":"${EPOCH}.${seq}","taskId":"${TASK_ID}","seq":${seq},"type":"progress","status":"running","progress":50,"message":"${printMoment(dueAt)}","at":"2026-11-21T10:30:00.000Z"}`;
}

/** A moment as an event's message carries it. */
export function printMoment(machineMs: number): string {
  return machineMs.toFixed(3);
}

/**
 * Calls `emit` `perSecond × seconds` times from `startedAt` on, each with the moment it was due; resolves with that number
 * when the last was emitted, however late. Latency counts from the moment an event was due: a publisher that cannot keep
 * up is not excused.
 */
export function offer(
  perSecond: number,
  seconds: number,
  startedAt: number,
  emit: (dueAt: number) => void,
): Promise<number> {
  const total = Math.round(perSecond * seconds);
  let emitted = 0;
  return new Promise((resolve) => {
    const tick = () => {
      const due = Math.min(total, Math.floor(((machineNow() - startedAt) / 1000) * perSecond) + 1);
      while (emitted < due) {
        emit(startedAt + (emitted * 1000) / perSecond);
        emitted += 1;
      }
      if (emitted >= total) resolve(total);
      else setTimeout(tick, TICK_MS);
    };
    tick();
  });
}
