/** Bodies of creates: JSON, or a form where a picture is a file. */

type Fields = Readonly<Record<string, unknown>>;

/** What to send for these fields: they themselves, or a form with the files in it. */
export function bodyOf(fields: Fields): Fields | FormData {
  if (!["image", "mask"].some((name) => listOf(fields[name]).some(isFile))) return fields;
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    if (name !== "image" && name !== "mask") form.append(name, textOf(value));
    else for (const picture of listOf(value)) append(form, name, picture);
  }
  return form;
}

function append(form: FormData, name: string, picture: unknown): void {
  if (!isFile(picture)) form.append(name, textOf(picture));
  // A file without a name counts as a field that was left empty.
  else form.append(name, picture, (picture as Partial<File>).name || name);
}

function isFile(value: unknown): value is Blob {
  return value instanceof Blob;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function textOf(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
