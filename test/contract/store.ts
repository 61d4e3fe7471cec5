/**
 * The contract of the whole store, beside those of its tasks and its keys: due work, bills and deliveries, money, routes
 * and lanes, realtime sessions, webhook endpoints, ephemeral keys, the audit log. An adapter passes it by calling
 * `storeContract` with a way to open a fresh store, and `releaseContract` (store/releases.ts) with a way to open one as several releases.
 */

import { describe } from "vitest";
import { auditContract } from "./store/audit.ts";
import { batchContract } from "./store/batches.ts";
import { billContract } from "./store/bills.ts";
import { budgetPeriodContract } from "./store/budget-periods.ts";
import { budgetContract } from "./store/budgets.ts";
import { closedKeysContract } from "./store/closed-keys.ts";
import { customerContract } from "./store/customers.ts";
import { deliveryContract } from "./store/deliveries.ts";
import { deliveryRecordContract } from "./store/delivery-records.ts";
import { endpointContract } from "./store/endpoints.ts";
import { ephemeralKeyContract } from "./store/ephemeral-keys.ts";
import { laneContract } from "./store/lanes.ts";
import { ledgerCheckContract } from "./store/ledger-check.ts";
import { moneyContract } from "./store/money.ts";
import { requestLimitContract } from "./store/request-limits.ts";
import { routeContract } from "./store/routes.ts";
import { sessionContract } from "./store/sessions.ts";
import { spendMarkContract } from "./store/spend-marks.ts";
import { usageContract } from "./store/usage.ts";
import { workContract } from "./store/work.ts";
import type { StoreContract } from "./store-harness.ts";

export function storeContract(contract: StoreContract): void {
  describe(`store: ${contract.name}`, () => {
    workContract(contract);
    billContract(contract);
    deliveryContract(contract);
    deliveryRecordContract(contract);
    moneyContract(contract);
    budgetContract(contract);
    usageContract(contract);
    ledgerCheckContract(contract);
    budgetPeriodContract(contract);
    customerContract(contract);
    requestLimitContract(contract);
    spendMarkContract(contract);
    routeContract(contract);
    closedKeysContract(contract);
    laneContract(contract);
    sessionContract(contract);
    endpointContract(contract);
    auditContract(contract);
    ephemeralKeyContract(contract);
    batchContract(contract);
  });
}
