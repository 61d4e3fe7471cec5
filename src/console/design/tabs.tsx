/** One of a few views in the same place. Arrow keys go from tab to tab. */

import { type KeyboardEvent, type ReactNode, useId } from "react";

export type TabsProps<Choice extends string> = {
  label: string;
  choices: readonly Choice[];
  chosen: Choice;
  onChoose(choice: Choice): void;
  /** The chosen view. */
  children: ReactNode;
};

const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1 };

export function Tabs<Choice extends string>({
  label,
  choices,
  chosen,
  onChoose,
  children,
}: TabsProps<Choice>) {
  const id = useId();
  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    const next = choices.at((choices.indexOf(chosen) + step) % choices.length);
    if (next === undefined) return;
    onChoose(next);
    document.getElementById(`${id}-${next}`)?.focus();
  };
  return (
    <div className="stack tight">
      <div className="tabs" role="tablist" aria-label={label} tabIndex={-1} onKeyDown={move}>
        {choices.map((choice) => (
          <button
            key={choice}
            id={`${id}-${choice}`}
            type="button"
            role="tab"
            aria-selected={choice === chosen}
            aria-controls={`${id}-view`}
            tabIndex={choice === chosen ? 0 : -1}
            onClick={() => onChoose(choice)}
          >
            {choice}
          </button>
        ))}
      </div>
      <div id={`${id}-view`} role="tabpanel" aria-labelledby={`${id}-${chosen}`}>
        {children}
      </div>
    </div>
  );
}
