/**
 * The contract of the task store port. An adapter passes it by calling `taskStoreContract` with a way to open a fresh
 * store; every sentence here holds for every adapter.
 */

import { describe } from "vitest";
import type { StoreContract } from "./store-harness.ts";
import { cleanupContract } from "./task-store/cleanup.ts";
import { creationContract } from "./task-store/creation.ts";
import { dueMediaContract } from "./task-store/due-media.ts";
import { fairnessContract } from "./task-store/fairness.ts";
import { leaseContract } from "./task-store/leases.ts";
import { limitContract } from "./task-store/limits.ts";
import { listingContract } from "./task-store/listing.ts";
import { logContract } from "./task-store/logs.ts";
import { placesContract } from "./task-store/places.ts";
import { raceContract } from "./task-store/races.ts";
import { retentionContract } from "./task-store/retention.ts";
import { transitionContract } from "./task-store/transitions.ts";

export function taskStoreContract(contract: StoreContract): void {
  describe(`task store: ${contract.name}`, () => {
    creationContract(contract);
    transitionContract(contract);
    leaseContract(contract);
    fairnessContract(contract);
    limitContract(contract);
    logContract(contract);
    listingContract(contract);
    cleanupContract(contract);
    dueMediaContract(contract);
    retentionContract(contract);
    placesContract(contract);
    raceContract(contract);
  });
}
