/** Clients for the tests of programs: the real ones, over a gateway in memory. */

import { ApiError, type ErrorCode } from "../../protocol/error.ts";
import { type ClientClock, systemTimers } from "../clock.ts";
import { ConduitClient } from "../conduit-client.ts";
import { ConduitRealtimeClient } from "../realtime/realtime-client.ts";
import { MockGateway } from "./mock-gateway.ts";
import { MOCK_ADDRESS, type Timeline } from "./mock-tasks.ts";

export type MockOptions = {
  /** A clock that a test moves. Default: the system's. */
  clock?: ClientClock | undefined;
};

const DELAY_MS = 1_000;
const STEPS = [20, 40, 60, 80] as const;

/**
 * A `ConduitRealtimeClient` whose tasks take `setMockDelay` (1,000 ms), tell progress in steps of 20, and complete, or fail after
 * `setShouldFail(true)`. `rest` is a `ConduitClient` of the same tasks.
 */
export class MockConduitClient extends ConduitRealtimeClient {
  readonly rest: ConduitClient;
  readonly #gateway: MockGateway;
  readonly #scripted: Timeline[] = [];
  #delayMs = DELAY_MS;
  #fails = false;

  constructor({ clock = systemTimers }: MockOptions = {}) {
    const gateway = new MockGateway(clock);
    const options = { virtualKey: "condt_mock", baseUrl: MOCK_ADDRESS, fetch: gateway.fetch, clock };
    super({ ...options, transports: ["sse"], mostStreams: Number.POSITIVE_INFINITY });
    this.rest = new ConduitClient(options);
    this.#gateway = gateway;
    gateway.tasks.timelineOf = () => this.#scripted.shift() ?? this.#usual();
  }

  /** How long each task takes from now on, ms. */
  setMockDelay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Whether tasks that are created from now on fail. */
  setShouldFail(fails: boolean): void {
    this.#fails = fails;
  }

  /** What happens to the tasks that are created next, one timeline each; then the usual again. */
  script(...timelines: Timeline[]): void {
    this.#scripted.push(...timelines);
  }

  /** Refuses the next request, as the gateway refuses with this code. Again: the one behind it. */
  refuseNext(code: ErrorCode, message = `Mock refusal: ${code}`): void {
    this.#gateway.refusals.push(new ApiError(code, message));
  }

  #usual(): Timeline {
    const afterMs = this.#delayMs / (STEPS.length + 1);
    const end = this.#fails ? { failed: "Mock failure" } : { completed: true as const };
    return [...STEPS.map((progress) => ({ afterMs, progress })), { afterMs, ...end }];
  }
}
