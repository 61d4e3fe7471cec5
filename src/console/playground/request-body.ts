/** From what was entered to the body of a create, and back. */

import type { WireModel } from "../../protocol/model.ts";
import type { Json, TaskType, WireTaskRequest } from "../../protocol/task.ts";
import { type FormParameter, parametersOf } from "./parameters.ts";

/** A picture to work from: a file of this machine, or where the gateway finds one. */
export type GivenPicture = File | string;
/** What was entered, by the names of fields; pictures apart, because they are no text. */
export type Entered = {
  prompt: string;
  values: Readonly<Record<string, string>>;
  pictures: Readonly<Record<string, readonly GivenPicture[]>>;
};

export type RequestBody = {
  model: string;
  prompt: string;
  [field: string]: Json | GivenPicture | readonly GivenPicture[];
};
export type Request = { type: TaskType; body: RequestBody };
/** What is wrong, by the names of fields. */
export type Problems = Readonly<Record<string, string>>;

/** The request for one model: of what was entered, that which it takes. */
export function runRequestOf(model: WireModel, entered: Entered): { request: Request; problems: Problems } {
  const body: RequestBody = { model: model.id, prompt: entered.prompt };
  const problems: Record<string, string> = {};
  for (const parameter of parametersOf(model)) {
    const { name, control } = parameter;
    if (control.kind === "pictures") {
      const pictures = (entered.pictures[name] ?? []).slice(0, control.most);
      const [only] = pictures;
      if (only !== undefined) body[name] = pictures.length === 1 ? only : pictures;
      continue;
    }
    const text = entered.values[name]?.trim() ?? "";
    if (text === "") continue;
    const value = typedValue(parameter, text);
    if (value === undefined) problems[name] = problemOf(parameter);
    else body[name] = value;
  }
  return { request: { type: model.capabilities.type, body }, problems };
}

/** What has to be entered to ask for the same again. */
export function enteredOf({ model: _, prompt, ...fields }: WireTaskRequest): Entered {
  const values: Record<string, string> = {};
  const pictures: Record<string, readonly GivenPicture[]> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (name === "image" || name === "mask") pictures[name] = [value].flat().filter(isText);
    else values[name] = typeof value === "string" ? value : JSON.stringify(value);
  }
  return { prompt, values, pictures };
}

/** Undefined where the text is none. */
function typedValue({ control }: FormParameter, text: string): Json | undefined {
  switch (control.kind) {
    case "choice":
      return control.choices.find((choice) => String(choice) === text);
    case "number": {
      const number = Number(text);
      return Number.isFinite(number) && (!control.whole || Number.isInteger(number)) ? number : undefined;
    }
    case "object": {
      const parsed = parsedJson(text);
      return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? parsed : undefined;
    }
    case "any": {
      return parsedJson(text) ?? text;
    }
    default:
      return text;
  }
}

function problemOf({ control }: FormParameter): string {
  switch (control.kind) {
    case "number":
      return control.whole ? "Enter a whole number." : "Enter a number.";
    case "object":
      return 'Enter a JSON object, such as {"steps": 5}.';
    default:
      return "This model does not take this value.";
  }
}

function parsedJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
