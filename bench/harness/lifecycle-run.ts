/** The two questions of `lifecycle`, asked alike of every queue: the whole way, and draining a queue that is full. */

export type QueueUnderTest = {
  /** Submissions under way at once, each waiting for the durable answer. */
  producers: number;
  /** Accepts one empty job; resolves when it is durable. */
  submit(): Promise<void>;
  /** Stops and starts the working off of jobs. */
  pause(): Promise<void>;
  resume(): Promise<void>;
};

export type LifecycleResult = {
  jobs: number;
  /** From the first submission to the last completion. */
  elapsedMs: number;
  perSecond: number;
  /** Of this process. */
  cpu: number;
};

export type LifecycleRun = {
  /** Submits `jobs` while they are worked off. */
  whole(jobs: number): Promise<LifecycleResult>;
  /** Submits `jobs` while nothing works, then measures how fast they are worked off. */
  drain(jobs: number): Promise<LifecycleResult>;
  /** To be called once per completed job. */
  completed(): void;
};

export function createLifecycleRun(queue: QueueUnderTest): LifecycleRun {
  let left = 0;
  let done = () => {};

  const submitAll = (jobs: number) => {
    let submitted = 0;
    const producer = async () => {
      while (submitted < jobs) {
        submitted += 1;
        await queue.submit();
      }
    };
    return Promise.all(Array.from({ length: queue.producers }, producer));
  };
  const measure = async (jobs: number, work: () => Promise<unknown>): Promise<LifecycleResult> => {
    const ended = new Promise<void>((resolve) => {
      done = resolve;
    });
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    await work();
    await ended;
    const elapsedMs = performance.now() - startedAt;
    const cpu = process.cpuUsage(cpuBefore);
    return {
      jobs,
      elapsedMs: Math.round(elapsedMs),
      perSecond: Math.round(jobs / (elapsedMs / 1000)),
      cpu: Math.round((cpu.user + cpu.system) / 10 / elapsedMs) / 100,
    };
  };

  return {
    async whole(jobs) {
      left = jobs;
      await queue.resume();
      return measure(jobs, () => submitAll(jobs));
    },
    async drain(jobs) {
      left = jobs;
      await queue.pause();
      await submitAll(jobs);
      return measure(jobs, () => queue.resume());
    },
    completed() {
      left -= 1;
      if (left === 0) done();
    },
  };
}
