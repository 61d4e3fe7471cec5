/** One field of the form, as its parameter says. */

import { FormField } from "../design/field.tsx";
import type { Control, FormParameter } from "./parameters.ts";
import { PictureField } from "./picture-field.tsx";
import type { GivenPicture } from "./request-body.ts";

export type ParameterFieldProps = {
  parameter: FormParameter;
  value: string;
  pictures: readonly GivenPicture[];
  problem: string | null;
  onValue(value: string): void;
  onPictures(pictures: readonly GivenPicture[]): void;
};

export function ParameterField(props: ParameterFieldProps) {
  const { parameter, value, pictures, problem, onValue, onPictures } = props;
  const { label, control } = parameter;
  if (control.kind === "pictures")
    return (
      <PictureField
        {...{ label, problem, pictures, most: control.most }}
        hint={parameter.hint}
        onPictures={onPictures}
      />
    );
  const wide = control.kind === "object" || control.kind === "any";
  return (
    <FormField label={label} hint={hintOf(parameter)} problem={problem} wide={wide}>
      {(tied) => {
        const given = { ...tied, className: "input", value };
        const changed = ({ target }: { target: { value: string } }) => onValue(target.value);
        switch (control.kind) {
          case "choice":
            return (
              <select {...given} onChange={changed}>
                <option value="">{parameter.default ?? "default"}</option>
                {control.choices.map((choice) => (
                  <option key={String(choice)} value={String(choice)}>
                    {String(choice)}
                  </option>
                ))}
              </select>
            );
          case "number":
            return (
              <input
                {...given}
                {...numberProps(control)}
                placeholder={parameter.default}
                onChange={changed}
              />
            );
          case "object":
            return (
              <textarea
                {...given}
                className="input mono"
                spellCheck={false}
                placeholder="{}"
                rows={3}
                onChange={changed}
              />
            );
          default:
            return <input {...given} type="text" placeholder={parameter.default} onChange={changed} />;
        }
      }}
    </FormField>
  );
}

function numberProps({ whole, least, most }: Extract<Control, { kind: "number" }>) {
  return { type: "number", min: least, max: most, step: whole ? 1 : "any" } as const;
}

function hintOf({ hint, control }: FormParameter): string | undefined {
  if (control.kind !== "object" || control.names.length === 0) return hint;
  return [hint, `JSON with ${control.names.join(", ")}.`].filter(Boolean).join(" ");
}
