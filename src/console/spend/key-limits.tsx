/** The budgets and limits of requests of the key that is signed in, read again whenever one of its tasks ends. */

import { useCallback, useEffect } from "react";
import type { WireBudgetState, WireOwnKey } from "../../protocol/key.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { dollarsText, momentText } from "../design/format.ts";
import { Notice } from "../design/notice.tsx";
import { Progress } from "../design/status-chip.tsx";
import { useLive } from "../shell/live.tsx";
import { useSession } from "../shell/session.ts";

const ENDS: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);

export function KeyLimitCards() {
  const { client } = useSession();
  const { listen } = useLive();
  const { data, error, reload } = useLoaded(useCallback((signal) => client.key.get({ signal }), [client]));
  useEffect(
    () =>
      listen({
        onEvent: ({ type }) => {
          if (ENDS.has(type)) reload();
        },
        onReset: reload,
      }),
    [listen, reload],
  );
  if (error !== null) return <Notice tone="bad">The limits could not be loaded: {error.message}</Notice>;
  // What a key that was made from another one may spend is its parent's to know.
  if (data === null || !("budgets" in data)) return null;
  return <Limits ownKey={data} />;
}

function Limits({ ownKey: { budgets, grants, requestRates, maxConcurrentTasks } }: { ownKey: WireOwnKey }) {
  if (budgets.length === 0 && requestRates.length === 0 && maxConcurrentTasks === null)
    return <p className="muted">This key has no budget and no limit of requests.</p>;
  return (
    <ul className="limits">
      {budgets.map((budget) => (
        <li key={budget.period} className="card padded stack tight">
          <BudgetBar budget={budget} />
        </li>
      ))}
      {requestRates.map(({ per, limit, remaining, resetsAt }) => (
        <li key={per} className="card padded stack tight">
          <h2>
            {remaining} of {limit}
          </h2>
          <Progress percent={share(limit - remaining, limit)} label={`Requests per ${per}`} />
          <p className="small-text muted">
            requests per {per} left, all of them at {momentText(resetsAt)}
          </p>
        </li>
      ))}
      {maxConcurrentTasks !== null && (
        <li className="card padded stack tight">
          <h2>{maxConcurrentTasks}</h2>
          <p className="small-text muted">tasks at work at the same time, at most</p>
        </li>
      )}
      {grants.map(({ amount, expiresAt }) => (
        <li key={`${expiresAt} ${amount}`} className="card padded stack tight">
          <h2>{dollarsText(amount)}</h2>
          <p className="small-text muted">granted on top of every budget until {momentText(expiresAt)}</p>
        </li>
      ))}
    </ul>
  );
}

/** A budget with what is charged, held back and left. */
export function BudgetBar({ budget }: { budget: WireBudgetState }) {
  const { period, limit, granted, charged, reserved, left, resetsAt } = budget;
  return (
    <>
      <h2>{dollarsText(left)} left</h2>
      <Progress
        percent={share(charged + reserved, limit + granted)}
        label={period === "total" ? "Budget" : `Budget, ${period}`}
      />
      <p className="small-text muted">
        {period === "total" ? "of" : `${period}, of`} {dollarsText(limit + granted)}: {dollarsText(charged)}{" "}
        charged, {dollarsText(reserved)} held back{resetsAt !== null && `, until ${momentText(resetsAt)}`}
      </p>
    </>
  );
}

function share(part: number, whole: number): number {
  return whole <= 0 ? 100 : Math.min(100, Math.max(0, Math.round((100 * part) / whole)));
}
