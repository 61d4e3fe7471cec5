/** Makes an endpoint, or changes one. */

import { type FormEvent, useState } from "react";
import { WEBHOOK_EVENTS, type WireWebhookEndpoint } from "../../protocol/webhook.ts";
import { FormField } from "../design/field.tsx";
import { Notice } from "../design/notice.tsx";
import { useSession } from "../shell/session.ts";

/** `onDone` is given the secret of a new endpoint. */
export type EndpointFormProps = { endpoint: WireWebhookEndpoint | null; onDone(secret?: string): void };

export function EndpointForm({ endpoint, onDone }: EndpointFormProps) {
  const { client } = useSession();
  const [url, setUrl] = useState(endpoint?.url ?? "");
  const [description, setDescription] = useState(endpoint?.description ?? "");
  const [events, setEvents] = useState<ReadonlySet<string>>(new Set(endpoint?.events));
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const save = async () => {
    const fields = { url, description, events: [...events] };
    if (endpoint !== null) {
      await client.webhookEndpoints.update(endpoint.id, fields);
      return undefined;
    }
    return (await client.webhookEndpoints.create(fields)).secret;
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      onDone(await save());
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };
  const toggle = (type: string) =>
    setEvents((before) => {
      const after = new Set(before);
      if (!after.delete(type)) after.add(type);
      return after;
    });
  return (
    <form className="endpoint-form" onSubmit={(event) => void submit(event)}>
      <FormField label="Address" hint="https, and reachable by the gateway: not in its own network.">
        {(control) => (
          <input
            {...control}
            className="input"
            type="url"
            required
            placeholder="https://example.com/hooks"
            value={url}
            onChange={({ target }) => setUrl(target.value)}
          />
        )}
      </FormField>
      <FormField label="Description">
        {(control) => (
          <input
            {...control}
            className="input"
            value={description}
            onChange={({ target }) => setDescription(target.value)}
          />
        )}
      </FormField>
      <fieldset className="field">
        <legend>Events</legend>
        <div className="event-choice">
          {WEBHOOK_EVENTS.map((type) => (
            <label key={type} className="check">
              <input type="checkbox" checked={events.has(type)} onChange={() => toggle(type)} />
              {type}
            </label>
          ))}
        </div>
        <span className="hint">With none chosen: the three ends of a task.</span>
      </fieldset>
      {problem !== null && <Notice tone="bad">{problem}</Notice>}
      <div>
        <button className="button main" type="submit" disabled={busy}>
          {endpoint === null ? "Add it" : "Save"}
        </button>
      </div>
    </form>
  );
}
