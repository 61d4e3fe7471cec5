/** What a session is to be: its model, its voice, and what the model is told. */

import type { WireVoiceModel } from "../../protocol/model.ts";
import { FormField } from "../design/field.tsx";
import { priceText } from "../design/format.ts";

export type VoiceSetup = {
  model: string;
  /** Empty: the model's usual one. */
  voice: string;
  instructions: string;
  /** Whether what the user says is written down. */
  transcribes: boolean;
};

export type VoiceSetupFormProps = {
  models: readonly WireVoiceModel[];
  setup: VoiceSetup;
  /** A session has what it began with. */
  disabled: boolean;
  onChange(change: Partial<VoiceSetup>): void;
};

export function VoiceSetupForm({ models, setup, disabled, onChange }: VoiceSetupFormProps) {
  const model = models.find(({ id }) => id === setup.model);
  const voices = model?.capabilities.voices ?? [];
  return (
    <fieldset className="field" disabled={disabled}>
      <legend className="hidden-text">The session</legend>
      <div className="stack">
        <FormField label="Model" hint={model && priceText(model.pricing)}>
          {(control) => (
            <select
              {...control}
              className="input"
              value={setup.model}
              onChange={({ target }) => onChange({ model: target.value, voice: "" })}
            >
              {models.map(({ id }) => (
                <option key={id} value={id}>
                  {id}
                </option>
              ))}
            </select>
          )}
        </FormField>
        {voices.length > 0 && (
          <FormField label="Voice">
            {(control) => (
              <select
                {...control}
                className="input"
                value={setup.voice}
                onChange={({ target }) => onChange({ voice: target.value })}
              >
                <option value="">usual</option>
                {voices.map((voice) => (
                  <option key={voice} value={voice}>
                    {voice}
                  </option>
                ))}
              </select>
            )}
          </FormField>
        )}
        <FormField label="Instructions" hint="What the model is told before the talk.">
          {(control) => (
            <textarea
              {...control}
              className="input"
              value={setup.instructions}
              onChange={({ target }) => onChange({ instructions: target.value })}
            />
          )}
        </FormField>
        <label className="check">
          <input
            type="checkbox"
            checked={setup.transcribes}
            onChange={({ target }) => onChange({ transcribes: target.checked })}
          />
          Write down what I say
        </label>
      </div>
    </fieldset>
  );
}
