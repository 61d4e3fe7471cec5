/** Pictures to work from: files, or addresses. */

import { useState } from "react";
import { FormField } from "../design/field.tsx";
import { Icon } from "../design/icon.tsx";
import type { GivenPicture } from "./request-body.ts";

export type PictureFieldProps = {
  label: string;
  hint: string | undefined;
  problem: string | null;
  pictures: readonly GivenPicture[];
  most: number;
  onPictures(pictures: readonly GivenPicture[]): void;
};

export function PictureField({ label, hint, problem, pictures, most, onPictures }: PictureFieldProps) {
  const [address, setAddress] = useState("");
  const add = (added: readonly GivenPicture[]) => onPictures([...pictures, ...added].slice(-most));
  const addAddress = () => {
    if (address.trim() === "") return;
    add([address.trim()]);
    setAddress("");
  };
  return (
    <div className="stack tight wide">
      <FormField label={label} hint={hint} problem={problem}>
        {(control) => (
          <input
            {...control}
            className="input"
            type="file"
            accept="image/*"
            multiple={most > 1}
            onChange={({ target }) => {
              add([...(target.files ?? [])]);
              // The same file can be chosen again after it was taken out.
              target.value = "";
            }}
          />
        )}
      </FormField>
      <div className="row">
        <input
          className="input"
          style={{ flex: 1, width: "auto" }}
          aria-label={`${label}: address`}
          placeholder="or an https address"
          value={address}
          onChange={({ target }) => setAddress(target.value)}
        />
        <button className="button" type="button" onClick={addAddress}>
          Add
        </button>
      </div>
      {pictures.map((picture, index) => (
        <div className="row apart" key={keyAt(pictures, index)}>
          <span className="mono clip">{nameOf(picture)}</span>
          <button
            className="button quiet small"
            type="button"
            onClick={() => onPictures(pictures.filter((_, other) => other !== index))}
          >
            <Icon name="close" />
            <span className="hidden-text">Take out {nameOf(picture)}</span>
          </button>
        </div>
      ))}
    </div>
  );
}

/** The name, told apart where the same picture is there twice. */
function keyAt(pictures: readonly GivenPicture[], index: number): string {
  const names = pictures.slice(0, index + 1).map(nameOf);
  const name = names.at(-1) ?? "";
  return `${name} ${names.filter((one) => one === name).length}`;
}

function nameOf(picture: GivenPicture): string {
  return typeof picture === "string" ? picture : picture.name;
}
