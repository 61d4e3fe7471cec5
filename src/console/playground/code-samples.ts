/** What ran, as a program. The key is not in it: each reads it from the environment. */

import type { GivenPicture, Request, RequestBody } from "./request-body.ts";

export const LANGUAGES = ["curl", "TypeScript", "Python"] as const;
export type Language = (typeof LANGUAGES)[number];

const PATHS = {
  image: "/v1/images/generations/async",
  video: "/v1/videos/generations/async",
} as const;
const NAME = /^[A-Za-z_$][\w$]*$/;
const INDENT = "  ";
/** Of Node, Bun and Deno. */
const FILES = "node:fs";
const KEY = "process.env.CONDUIT_KEY!";

/** A program in this language that sends the request to the gateway at `baseUrl` and waits for what comes of it. */
export function codeSample(language: Language, request: Request, baseUrl: string): string {
  return SAMPLES[language](request, baseUrl);
}

const SAMPLES: Readonly<Record<Language, (request: Request, baseUrl: string) => string>> = {
  curl({ type, body }, baseUrl) {
    const fields = hasFiles(body)
      ? formFields(body).map(
          // A text may begin with what -F takes for a file.
          ([name, value]) =>
            value instanceof File
              ? `-F ${shell(`${name}=@${value.name}`)}`
              : `--form-string ${shell(`${name}=${value}`)}`,
        )
      : [`-H "content-type: application/json"`, `-d ${shell(JSON.stringify(body, null, 2))}`];
    const head = [
      `curl -s ${shell(baseUrl + PATHS[type])}`,
      `-H "authorization: Bearer $CONDUIT_KEY"`,
      // Answers once the task is over, or after this long as it is then.
      `-H "prefer: wait=60"`,
    ];
    return [...head, ...fields].join(` \\\n${INDENT}`);
  },
  TypeScript({ type, body }, baseUrl) {
    const files = hasFiles(body);
    const fields = type === "image" ? body : { type, ...body };
    return [
      ...(files ? [`import { openAsBlob } from ${JSON.stringify(FILES)};`] : []),
      `import { ConduitClient } from "@conduit-gateway/client";`,
      "",
      `const conduit = new ConduitClient({ virtualKey: ${KEY}, baseUrl: ${JSON.stringify(baseUrl)} });`,
      `const { url } = await conduit.run(${typescript(fields, "")});`,
      "console.log(url);",
    ].join("\n");
  },
  Python({ type, body }, baseUrl) {
    const sent = hasFiles(body) ? pythonForm(body) : `json=${python(body, "")}`;
    return [
      "import os",
      "import time",
      "",
      "import requests",
      "",
      `base = ${JSON.stringify(baseUrl)}`,
      `headers = {"authorization": f"Bearer {os.environ['CONDUIT_KEY']}"}`,
      `answer = requests.post(f"{base}${PATHS[type]}", headers=headers, ${sent})`,
      "answer.raise_for_status()",
      "task = answer.json()",
      `while task["status"] in ("queued", "running"):`,
      "    time.sleep(1)",
      `    task = requests.get(f"{base}/v1/tasks/{task['taskId']}", headers=headers).json()`,
      `print(task.get("result") or task.get("error"))`,
    ].join("\n");
  },
};

function hasFiles(body: RequestBody): boolean {
  return Object.values(body).some((value) => [value].flat().some((item) => item instanceof File));
}

/** A form has texts and files; a field may come more than once. */
function formFields(body: RequestBody): [string, string | File][] {
  return Object.entries(body).flatMap(([name, value]) => {
    const items: readonly unknown[] = name === "image" || name === "mask" ? [value].flat() : [value];
    return items.map((item): [string, string | File] => {
      if (item instanceof File || typeof item === "string") return [name, item];
      return [name, JSON.stringify(item)];
    });
  });
}

/** A text as a shell takes it literally. */
function shell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function typescript(value: unknown, indent: string): string {
  if (value instanceof File) return `await openAsBlob(${JSON.stringify(value.name)})`;
  const inner = indent + INDENT;
  if (Array.isArray(value)) return `[${value.map((item) => typescript(item, inner)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const lines = Object.entries(value).map(([name, item]) => {
    return `${inner}${NAME.test(name) ? name : JSON.stringify(name)}: ${typescript(item, inner)},\n`;
  });
  return `{\n${lines.join("")}${indent}}`;
}

function python(value: unknown, indent: string): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}    `;
  if (Array.isArray(value)) return `[${value.map((item) => python(item, inner)).join(", ")}]`;
  const lines = Object.entries(value).map(([name, item]) => {
    return `${inner}${JSON.stringify(name)}: ${python(item, inner)},\n`;
  });
  return `{\n${lines.join("")}${indent}}`;
}

function pythonForm(body: RequestBody): string {
  const fields = formFields(body);
  const texts = fields.filter((field): field is [string, string] => typeof field[1] === "string");
  const files = fields.filter((field): field is [string, File] => isFile(field[1]));
  const pairs = files.map(
    ([name, file]) => `(${JSON.stringify(name)}, open(${JSON.stringify(file.name)}, "rb"))`,
  );
  const data = texts.map(([name, text]) => `(${JSON.stringify(name)}, ${JSON.stringify(text)})`);
  return `data=[${data.join(", ")}], files=[${pairs.join(", ")}]`;
}

function isFile(value: GivenPicture): value is File {
  return value instanceof File;
}
