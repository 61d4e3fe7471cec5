/** One key: what it may do, what it spent, and what an administrator can do with it. */

import { useCallback, useState } from "react";
import { useAction } from "../data/use-action.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { Confirm } from "../design/dialog.tsx";
import { dollarsText, momentText } from "../design/format.ts";
import { Notice } from "../design/notice.tsx";
import { SecretDialog } from "../design/secret-dialog.tsx";
import { useToast } from "../design/toasts.tsx";
import type { PageProps } from "../shell/page.ts";
import { goTo, hrefOf } from "../shell/route.ts";
import { DayPlot } from "../spend/day-plot.tsx";
import { spanOf } from "../spend/spans.ts";
import type { ReadKey } from "./admin-client.ts";
import { AdminGate, useAdmin } from "./admin-gate.tsx";
import { KeyForm } from "./key-form.tsx";
import { KeyState } from "./key-list.tsx";

const SHOWN_DAYS = 30;
/** How long a replaced key goes on working. */
const OVERLAPS = [
  { label: "Replace it at once…", seconds: 0, text: "The key that is in use is refused from now on." },
  {
    label: "Replace it within a day…",
    seconds: 86_400,
    text: "The key that is in use works for another 24 hours.",
  },
] as const;

export function AdminKeyPage({ route }: PageProps) {
  return (
    <AdminGate>
      <LoadedKey id={route.parameters.id ?? ""} />
    </AdminGate>
  );
}

function LoadedKey({ id }: { id: string }) {
  const { admin } = useAdmin();
  const { data, error, reload } = useLoaded(useCallback((signal) => admin.getKey(id, signal), [admin, id]));
  return (
    <>
      <p>
        <a href={hrefOf("admin")}>All keys</a>
      </p>
      {error !== null && <Notice tone="bad">The key could not be loaded: {error.message}</Notice>}
      {/* A form begins with what was read, so another reading is another form. */}
      {data !== null && <OneKey key={data.etag} read={data} onChanged={reload} />}
    </>
  );
}

function OneKey({ read: { key, etag }, onChanged }: { read: ReadKey; onChanged(): void }) {
  const { admin } = useAdmin();
  const toast = useToast();
  const [asked, setAsked] = useState<number | "delete" | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const usage = useLoaded(
    useCallback(
      (signal) => admin.usage(key.id, { ...spanOf(SHOWN_DAYS), groupBy: "day" }, signal),
      [admin, key.id],
    ),
  );
  const { busy, perform } = useAction();
  const rotate = async (seconds: number) => setSecret((await admin.rotateKey(key.id, seconds)).key);
  const remove = async () => {
    await admin.deleteKey(key.id);
    toast({ tone: "good", text: "The key was deleted. What it spent stays on record." });
    goTo(hrefOf("admin"));
  };
  const overlap = OVERLAPS.find(({ seconds }) => seconds === asked);
  return (
    <>
      <div className="row apart">
        <h1 className="clip">{key.name}</h1>
        <KeyState {...key} />
      </div>
      <p className="muted">
        <span className="mono">{key.id}</span>, ends in <span className="mono">…{key.last4}</span>, made{" "}
        {momentText(key.createdAt)}
        {key.previous !== null &&
          `; the one before (…${key.previous.last4}) works until ${momentText(key.previous.validUntil)}`}
      </p>
      {usage.data !== null && (
        <section className="card padded stack" aria-label="Spend by day">
          <h2>{dollarsText(usage.data.totals.charged)} in 30 days</h2>
          <DayPlot page={usage.data} />
        </section>
      )}
      <section className="card padded stack" aria-label="Limits">
        <KeyForm
          apiKey={key}
          action="Save"
          save={async (fields) => {
            await admin.changeKey(key.id, fields, etag);
            toast({ tone: "good", text: "Saved." });
            onChanged();
          }}
        />
      </section>
      <div className="row">
        {OVERLAPS.map(({ label, seconds }) => (
          <button
            key={label}
            className="button"
            type="button"
            disabled={busy}
            onClick={() => setAsked(seconds)}
          >
            {label}
          </button>
        ))}
        <button className="button danger" type="button" disabled={busy} onClick={() => setAsked("delete")}>
          Delete the key…
        </button>
      </div>
      {overlap !== undefined && (
        <Confirm
          title="Replace the key"
          text={overlap.text}
          action="Replace it"
          onConfirm={() => perform(() => rotate(overlap.seconds))}
          onClose={() => setAsked(null)}
        />
      )}
      {asked === "delete" && (
        <Confirm
          title="Delete the key"
          text="It is refused at once, and its waiting tasks are cancelled. This cannot be undone."
          action="Delete it"
          onConfirm={() => perform(remove)}
          onClose={() => setAsked(null)}
        />
      )}
      {secret !== null && (
        <SecretDialog
          title="The new key, shown once"
          secret={secret}
          onClose={() => {
            setSecret(null);
            onChanged();
          }}
        >
          Hand it to the application that uses this key. It cannot be shown again, only replaced.
        </SecretDialog>
      )}
    </>
  );
}
