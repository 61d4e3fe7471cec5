/** How the providers' accounts are, as the process that answers has found them; asked again every few seconds. */

import { useCallback, useEffect } from "react";
import type { WireAccount, WireProvider } from "../../protocol/provider.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { Notice } from "../design/notice.tsx";
import { Chip, type Tone } from "../design/status-chip.tsx";
import { useAdmin } from "./admin-gate.tsx";

const ASK_EVERY_MS = 5_000;
const TONES: Readonly<Record<NonNullable<WireAccount["status"]>, Tone>> = {
  ok: "good",
  limited: "warn",
  refused: "bad",
  away: "bad",
};

export function Providers() {
  const { admin } = useAdmin();
  const { data, error, reload } = useLoaded(useCallback((signal) => admin.providers(signal), [admin]));
  useEffect(() => {
    const timer = setInterval(reload, ASK_EVERY_MS);
    return () => clearInterval(timer);
  }, [reload]);
  return (
    <>
      {error !== null && <Notice tone="bad">The providers could not be loaded: {error.message}</Notice>}
      {data?.data.map((provider) => (
        <Provider key={provider.name} provider={provider} />
      ))}
    </>
  );
}

function Provider({ provider: { name, models, accounts } }: { provider: WireProvider }) {
  return (
    <section className="card padded stack tight" aria-label={name}>
      <h2>{name}</h2>
      <ul className="accounts">
        {accounts.map((account) => (
          <li key={account.name} className="row">
            <Chip tone={account.status === null ? "plain" : TONES[account.status]}>
              {account.status ?? "unknown"}
            </Chip>
            <span>{account.name ?? "its account"}</span>
            {account.errorCode !== null && <span className="mono">{account.errorCode}</span>}
            <span className="muted">{restText(account)}</span>
          </li>
        ))}
      </ul>
      <details>
        <summary>
          {models.length} {models.length === 1 ? "model" : "models"}
        </summary>
        <p className="small-text">{models.join(", ")}</p>
      </details>
    </section>
  );
}

function restText({ retryAfterSeconds }: WireAccount): string {
  return Object.entries(retryAfterSeconds)
    .map(([type, seconds]) => `${type}: tried again in ${seconds} s`)
    .join(", ");
}
