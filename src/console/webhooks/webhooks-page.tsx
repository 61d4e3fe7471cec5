/** The webhook endpoints of the key: where it wants to hear of all its tasks. */

import { useCallback, useState } from "react";
import type { WireWebhookEndpoint } from "../../protocol/webhook.ts";
import { useLoaded } from "../data/use-loaded.ts";
import { Dialog } from "../design/dialog.tsx";
import { Empty, Notice } from "../design/notice.tsx";
import { SecretDialog } from "../design/secret-dialog.tsx";
import { useSession } from "../shell/session.ts";
import { EndpointCard } from "./endpoint-card.tsx";
import { EndpointForm } from "./endpoint-form.tsx";

export function WebhooksPage() {
  const { client, key } = useSession();
  const { data, error, reload } = useLoaded(
    useCallback((signal) => client.webhookEndpoints.list({ signal }), [client]),
  );
  const [open, setOpen] = useState<"new" | WireWebhookEndpoint | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  if ("ephemeral" in key)
    return (
      <>
        <h1>Webhooks</h1>
        <Empty title="Not with this key">
          An ephemeral key has no webhook endpoints; the key that made it has.
        </Empty>
      </>
    );
  const done = (shown?: string) => {
    setOpen(null);
    setSecret(shown ?? null);
    reload();
  };
  return (
    <>
      <div className="row apart">
        <h1>Webhooks</h1>
        <button className="button main" type="button" onClick={() => setOpen("new")}>
          Add an endpoint
        </button>
      </div>
      <p className="muted">
        An endpoint receives the events that it names of every task of this key; a request can name a webhook
        of its own besides. What was sent about a task stands on the task's page.
      </p>
      {error !== null && <Notice tone="bad">The endpoints could not be loaded: {error.message}</Notice>}
      {data?.length === 0 && (
        <div className="card">
          <Empty title="No endpoints yet">
            Add the address of a server that is to be told when a task ends.
          </Empty>
        </div>
      )}
      {data?.map((endpoint) => (
        <EndpointCard
          key={endpoint.id}
          endpoint={endpoint}
          onEdit={() => setOpen(endpoint)}
          onChanged={reload}
          onSecret={setSecret}
        />
      ))}
      {open !== null && (
        <Dialog
          title={open === "new" ? "Add an endpoint" : "Change the endpoint"}
          onClose={() => setOpen(null)}
        >
          <EndpointForm endpoint={open === "new" ? null : open} onDone={done} />
        </Dialog>
      )}
      {secret !== null && (
        <SecretDialog title="The secret, shown once" secret={secret} onClose={() => setSecret(null)}>
          The receiver checks the signature of every message with it. It cannot be shown again, only replaced.
        </SecretDialog>
      )}
    </>
  );
}
