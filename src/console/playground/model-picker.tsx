/** Which models run: one, or several of a kind side by side. */

import { useState } from "react";
import type { WireModel } from "../../protocol/model.ts";
import { priceText } from "../design/format.ts";

export type ModelPickerProps = {
  models: readonly WireModel[];
  picked: readonly string[];
  onPick(models: readonly string[]): void;
};

/** More models than this can be searched. */
const SEARCHED_FROM = 9;

export function ModelPicker({ models, picked, onPick }: ModelPickerProps) {
  const [search, setSearch] = useState("");
  const shown = models.filter(
    ({ id }) => picked.includes(id) || id.toLowerCase().includes(search.toLowerCase()),
  );
  const typeOf = (id: string) => models.find((model) => model.id === id)?.capabilities.type;
  const toggle = ({ id, capabilities }: WireModel) => {
    if (picked.includes(id)) onPick(picked.filter((other) => other !== id));
    // One form serves them all, so they make the same kind of thing.
    else onPick([...picked.filter((other) => typeOf(other) === capabilities.type), id]);
  };
  return (
    <fieldset className="field">
      <legend>Models</legend>
      {models.length >= SEARCHED_FROM && (
        <input
          className="input"
          type="search"
          placeholder="Search models"
          aria-label="Search models"
          value={search}
          onChange={({ target }) => setSearch(target.value)}
        />
      )}
      <section className="model-picks" aria-label="Models to run">
        {shown.map((model) => (
          <label key={model.id}>
            <input type="checkbox" checked={picked.includes(model.id)} onChange={() => toggle(model)} />
            <span className="clip" title={model.id}>
              {model.id}
            </span>
            <span className="muted small-text">{priceText(model.pricing)}</span>
          </label>
        ))}
        {shown.length === 0 && <p className="muted small-text">No model is called so.</p>}
      </section>
    </fieldset>
  );
}
