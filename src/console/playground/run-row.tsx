/** The button that runs, and beside it what that may cost and how long it takes. */

import { dollarsText } from "../design/format.ts";
import type { Estimated } from "./use-estimates.ts";
import { useUsualDuration } from "./use-usual-duration.ts";

export type RunRowProps = {
  /** Null while they are asked for. */
  estimates: readonly Estimated[] | null;
  /** How many run. */
  models: number;
  /** So many runs there were. */
  runs: number;
};

export function RunRow({ estimates, models, runs }: RunRowProps) {
  const usual = useUsualDuration(estimates ?? [], runs);
  const refused = estimates?.find((answer) => "refused" in answer && answer.param === null);
  return (
    <div className="run-row">
      <button className="button main" type="submit" disabled={models === 0}>
        {models > 1 ? `Run ${models} models` : "Run"}
      </button>
      <div className="small-text" role="status">
        <div>{estimates === null ? "…" : priceText(estimates)}</div>
        <div className="muted">{refused !== undefined && "refused" in refused ? refused.refused : usual}</div>
      </div>
    </div>
  );
}

function priceText(estimates: readonly Estimated[]): string {
  const known = estimates.filter((answer) => "estimate" in answer);
  if (known.length === 0) return "";
  const sum = known.reduce((total, { estimate }) => total + estimate.reserved, 0);
  return known.every(({ estimate }) => estimate.price.free) ? "Free" : `At most ${dollarsText(sum)}`;
}
