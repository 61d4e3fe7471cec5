/** What an administrator sets of a key. */

import { type FormEvent, useState } from "react";
import { BUDGET_PERIODS, type CreateKeyRequest, type WireKey } from "../../protocol/key.ts";
import { PRIORITIES } from "../../protocol/task.ts";
import { FormField } from "../design/field.tsx";
import { Notice } from "../design/notice.tsx";
import { fieldsOf, formOf, type KeyFormState } from "./key-fields.ts";

export type KeyFormProps = {
  /** Absent: a new one. */
  apiKey?: WireKey;
  /** The word on the button. */
  action: string;
  save(fields: CreateKeyRequest): Promise<void>;
};

export function KeyForm({ apiKey, action, save }: KeyFormProps) {
  const [form, setForm] = useState(() => formOf(apiKey ?? null));
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const set = (changed: Partial<KeyFormState>) => setForm((before) => ({ ...before, ...changed }));
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await save(fieldsOf(form, apiKey ?? null));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  const amount = (
    label: string,
    value: string,
    change: (text: string) => void,
    step = "any",
    hint?: string,
  ) => (
    <FormField key={label} label={label} hint={hint}>
      {(control) => (
        <input
          {...control}
          className="input"
          type="number"
          min={0}
          step={step}
          placeholder="no limit"
          value={value}
          onChange={({ target }) => change(target.value)}
        />
      )}
    </FormField>
  );
  return (
    <form className="stack" onSubmit={(event) => void submit(event)}>
      <div className="form-grid">
        <FormField label="Name" wide>
          {(control) => (
            <input
              {...control}
              className="input"
              required
              value={form.name}
              onChange={({ target }) => set({ name: target.value })}
            />
          )}
        </FormField>
        {BUDGET_PERIODS.map((period) =>
          amount(period === "total" ? "Budget, $" : `Budget, $ ${period}`, form.budgets[period], (text) =>
            set({ budgets: { ...form.budgets, [period]: text } }),
          ),
        )}
        {amount("Budget of each customer, $", form.customerLimit, (text) => set({ customerLimit: text }))}
        <FormField label="Customers' period">
          {(control) => (
            <select
              {...control}
              className="input"
              value={form.customerPeriod}
              onChange={({ target }) =>
                set({ customerPeriod: BUDGET_PERIODS.find((one) => one === target.value) ?? "monthly" })
              }
            >
              {BUDGET_PERIODS.map((period) => (
                <option key={period}>{period}</option>
              ))}
            </select>
          )}
        </FormField>
        {amount(
          "Requests per minute",
          form.requestsPerMinute,
          (text) => set({ requestsPerMinute: text }),
          "1",
        )}
        {amount("Requests per day", form.requestsPerDay, (text) => set({ requestsPerDay: text }), "1")}
        {amount("Tasks at a time", form.maxConcurrentTasks, (text) => set({ maxConcurrentTasks: text }), "1")}
        <FormField label="Highest priority">
          {(control) => (
            <select
              {...control}
              className="input"
              value={form.maxPriority}
              onChange={({ target }) =>
                set({ maxPriority: PRIORITIES.find((one) => one === target.value) ?? form.maxPriority })
              }
            >
              {PRIORITIES.map((priority) => (
                <option key={priority}>{priority}</option>
              ))}
            </select>
          )}
        </FormField>
        <FormField label="Expires">
          {(control) => (
            <input
              {...control}
              className="input"
              type="datetime-local"
              value={form.expiresAt}
              onChange={({ target }) => set({ expiresAt: target.value })}
            />
          )}
        </FormField>
        <FormField label="Models" hint="One a line; * at the end stands for anything. Empty: all." wide>
          {(control) => (
            <textarea
              {...control}
              className="input mono"
              rows={2}
              value={form.models}
              onChange={({ target }) => set({ models: target.value })}
            />
          )}
        </FormField>
      </div>
      <div className="row">
        <Check label="Pictures" checked={form.images} onChange={(images) => set({ images })} />
        <Check label="Films" checked={form.videos} onChange={(videos) => set({ videos })} />
        <Check label="Voice" checked={form.voice} onChange={(voice) => set({ voice })} />
        <Check label="Enabled" checked={form.enabled} onChange={(enabled) => set({ enabled })} />
      </div>
      {problem !== null && <Notice tone="bad">{problem}</Notice>}
      <div>
        <button className="button main" type="submit" disabled={busy}>
          {action}
        </button>
      </div>
    </form>
  );
}

type CheckProps = { label: string; checked: boolean; onChange(checked: boolean): void };

function Check({ label, checked, onChange }: CheckProps) {
  return (
    <label className="check">
      <input type="checkbox" checked={checked} onChange={({ target }) => onChange(target.checked)} />
      {label}
    </label>
  );
}
