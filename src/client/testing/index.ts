/** The package's entry `testing`. */

export { MockConduitClient, type MockOptions } from "./mock-client.ts";
export type { Timeline, TimelineStep } from "./mock-gateway.ts";
