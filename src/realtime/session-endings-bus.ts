/** Tells the processes that share a store of a session that is to end: one of them may hold its sockets. */

import type { InstanceBus } from "../tasks/ports/instance-bus.ts";

const CHANNEL = "voice-ends";

export function announceSessionEnd(bus: InstanceBus, sessionId: string): void {
  bus.publish(CHANNEL, sessionId);
}

export function onSessionEnd(bus: InstanceBus, listener: (sessionId: string) => void): Promise<void> {
  return bus.subscribe(CHANNEL, listener);
}
