/** How the queue is: the sending of rings and the taking of deliveries together. */

import type { QStashDoorbell, RingHealth } from "./qstash-doorbell.ts";
import type { DeliveryHealth, QStashSignatures } from "./qstash-signatures.ts";

/** One part of `/health`: as its worse half, with the figures and the details of both. */
export function qstashHealth(
  doorbell: Pick<QStashDoorbell, "health">,
  signatures: Pick<QStashSignatures, "health">,
): RingHealth & DeliveryHealth {
  const rings = doorbell.health();
  const deliveries = signatures.health();
  const details = [rings.detail, deliveries.detail].filter((detail) => detail !== undefined);
  return {
    ...rings,
    ...deliveries,
    status: details.length === 0 ? "ok" : "degraded",
    ...(details.length === 0 ? {} : { detail: details.join("; ") }),
  };
}
