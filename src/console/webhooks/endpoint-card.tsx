/** One endpoint, and what can be done with it. */

import { useState } from "react";
import type { WireWebhookEndpoint, WireWebhookPing } from "../../protocol/webhook.ts";
import { useAction } from "../data/use-action.ts";
import { Confirm } from "../design/dialog.tsx";
import { Notice } from "../design/notice.tsx";
import { Chip } from "../design/status-chip.tsx";
import { useSession } from "../shell/session.ts";

export type EndpointCardProps = {
  endpoint: WireWebhookEndpoint;
  onEdit(): void;
  onChanged(): void;
  onSecret(secret: string): void;
};

export function EndpointCard({ endpoint, onEdit, onChanged, onSecret }: EndpointCardProps) {
  const { id, url, description, events, enabled } = endpoint;
  const { webhookEndpoints } = useSession().client;
  const [ping, setPing] = useState<WireWebhookPing | null>(null);
  const [asked, setAsked] = useState<"rotate" | "remove" | null>(null);
  const { busy, perform } = useAction();
  const sendPing = async () => setPing(await webhookEndpoints.ping(id));
  const rotate = async () => onSecret((await webhookEndpoints.rotateSecret(id)).secret);
  const change = async (work: Promise<unknown>) => {
    await work;
    onChanged();
  };
  return (
    <section className="card padded stack tight" aria-label={`Endpoint ${url}`}>
      <div className="row apart">
        <h2 className="mono clip">{url}</h2>
        <Chip tone={enabled ? "good" : "warn"}>{enabled ? "on" : "off"}</Chip>
      </div>
      {description !== "" && <p>{description}</p>}
      <p className="small-text muted">
        Receives {events.length === 0 ? "the three ends of a task" : events.join(", ")}.
      </p>
      {ping !== null && <PingResult ping={ping} />}
      <div className="row">
        <button className="button small" type="button" disabled={busy} onClick={() => perform(sendPing)}>
          Send a ping
        </button>
        <button className="button small" type="button" onClick={onEdit}>
          Change
        </button>
        <button
          className="button small"
          type="button"
          disabled={busy}
          onClick={() => perform(() => change(webhookEndpoints.update(id, { enabled: !enabled })))}
        >
          Switch {enabled ? "off" : "on"}
        </button>
        <button className="button small" type="button" disabled={busy} onClick={() => setAsked("rotate")}>
          Replace the secret…
        </button>
        <button
          className="button small danger"
          type="button"
          disabled={busy}
          onClick={() => setAsked("remove")}
        >
          Remove…
        </button>
      </div>
      {asked === "rotate" && (
        <Confirm
          title="Replace the secret"
          text="Messages are signed with both secrets for 24 hours, then with the new one alone."
          action="Replace it"
          onConfirm={() => perform(rotate)}
          onClose={() => setAsked(null)}
        />
      )}
      {asked === "remove" && (
        <Confirm
          title="Remove this endpoint"
          text="It receives nothing any more. What was still to be sent to it is given up."
          action="Remove it"
          onConfirm={() => perform(() => change(webhookEndpoints.remove(id)))}
          onClose={() => setAsked(null)}
        />
      )}
    </section>
  );
}

function PingResult({ ping: { delivered, httpStatus, durationMs, error } }: { ping: WireWebhookPing }) {
  const answer = httpStatus === null ? (error ?? "no answer") : `status ${httpStatus}`;
  return (
    <Notice tone={delivered ? "plain" : "bad"}>
      {delivered ? "The ping arrived" : "The ping did not arrive"}: {answer} after {durationMs} ms.
    </Notice>
  );
}
