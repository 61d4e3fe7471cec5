/** Tells the processes that share a store of changed keys, so that a revoked one ends everywhere at once. */

import type { InstanceBus } from "../../tasks/ports/instance-bus.ts";
import type { KeyEvent } from "./keys.ts";

const CHANNEL = "keys";

/** Announces a change made in this process; never throws. */
export function announceKeyChange(bus: InstanceBus, { keyId, alive, expired }: KeyEvent): void {
  bus.publish(CHANNEL, `${alive ? "changed" : "ended"} ${keyId}${expired ? " expired" : ""}`);
}

/** Hears of the changes made in other processes; resolves once they arrive. */
export function onRemoteKeyChange(bus: InstanceBus, listener: (event: KeyEvent) => void): Promise<void> {
  return bus.subscribe(CHANNEL, (message) => {
    const [word, keyId, why] = message.split(" ", 3);
    if (keyId !== undefined && (word === "changed" || word === "ended"))
      listener({ keyId, alive: word === "changed", ...(why === "expired" && { expired: true }) });
  });
}
