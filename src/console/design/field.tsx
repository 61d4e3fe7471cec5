/** A control with its label, a hint and what is wrong with it, tied together for screen readers. */

import { type ReactNode, useId } from "react";

/** To be spread into the control. */
export type ControlProps = {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
};

export type FieldProps = {
  label: string;
  hint?: string | undefined;
  problem?: string | null | undefined;
  /** As wide as the form, where fields stand side by side. */
  wide?: boolean | undefined;
  children: (control: ControlProps) => ReactNode;
};

export function FormField({ label, hint, problem = null, wide = false, children }: FieldProps) {
  const id = useId();
  const about = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ");
  return (
    <div className={wide ? "field wide" : "field"}>
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": about || undefined, "aria-invalid": problem ? true : undefined })}
      {hint && (
        <span className="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {problem && (
        <span className="problem" id={`${id}-problem`}>
          {problem}
        </span>
      )}
    </div>
  );
}
