/**
 * Paints a picture and saves it: submit, follow the events, fetch the result. Web-standard `fetch` only.
 *
 *   CONDUIT_KEY=condt_… bun examples/typescript/paint.ts "a lighthouse in a storm" lighthouse.png
 */

import { writeFile } from "node:fs/promises";

const [prompt = "a fox crossing a snowy forest at night", file = "picture.png"] = process.argv.slice(2);
const base = process.env.CONDUIT_URL ?? "http://localhost:8787";
const headers = { authorization: `Bearer ${process.env.CONDUIT_KEY}`, "content-type": "application/json" };

const created = await fetch(`${base}/v1/images/generations/async`, {
  method: "POST",
  // The same key makes the same task, however often a lost answer is asked for again.
  headers: { ...headers, "idempotency-key": crypto.randomUUID() },
  body: JSON.stringify({ model: "local/canvas", prompt }),
});
if (!created.ok) throw new Error(await created.text());
const { eventsUrl } = await created.json();

for await (const event of follow(eventsUrl)) {
  console.log(`${event.status} ${event.progress}% ${event.message ?? ""}`);
  if (event.type === "failed" || event.type === "cancelled") throw new Error(event.error);
  const picture = event.result?.images[0];
  if (picture !== undefined) {
    const answer = await fetch(picture.url);
    if (!answer.ok) throw new Error(`${picture.url} was answered with ${answer.status}`);
    await writeFile(file, new Uint8Array(await answer.arrayBuffer()));
    console.log(`saved ${file}`);
  }
}

type Event = {
  type: string;
  status: string;
  progress: number;
  message: string | null;
  error?: string;
  result?: { images: { url: string }[] };
};

/** The events of a task until its end; resumes behind the last one it saw when the connection breaks. */
async function* follow(url: string): AsyncGenerator<Event> {
  let lastId = "";
  for (;;) {
    const resume: Record<string, string> = lastId === "" ? {} : { "last-event-id": lastId };
    const response = await fetch(url, { headers: { ...headers, ...resume } }).catch(() => null);
    if (response?.status === 204) return;
    if (response !== null && !response.ok) throw new Error(await response.text());
    try {
      for await (const { id, data } of serverSentEvents(response)) {
        lastId = id;
        const message = JSON.parse(data);
        const event: Event =
          message.type === "snapshot" ? { ...message.task, type: message.task.status } : message;
        yield event;
        if (["completed", "failed", "cancelled"].includes(event.status)) return;
      }
    } catch {
      // The connection broke: the log is on the server.
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function* serverSentEvents(response: Response | null): AsyncGenerator<{ id: string; data: string }> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response?.body ?? []) {
    const blocks = (text + decoder.decode(chunk, { stream: true })).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string) =>
        block
          .split("\n")
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2);
      const data = field("data");
      if (data !== undefined) yield { id: field("id") ?? "", data };
    }
  }
}
