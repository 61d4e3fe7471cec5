import { describe, expect, test } from "vitest";
import { type ResultLink, storeDownload } from "../../../../src/providers/upstream/answers/download.ts";
import { createPlainDownload } from "../../../../src/providers/upstream/answers/plain-download.ts";
import { ManualClock } from "../../../fixture/manual-clock.ts";
import { bodyOf, type ScriptedAnswer, scriptedFetch } from "../../../fixture/providers/scripted-fetch.ts";
import { failureOf } from "../../../fixture/providers/upstream-errors.ts";
import { RecordingIo } from "../../../fixture/recording-io.ts";

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...new Array(3_000).fill(7)]);
const URL_OF_RESULT = "https://cdn.painters.test/result.png?signature=secret";

function world(...answers: ScriptedAnswer[]) {
  const clock = new ManualClock();
  const io = new RecordingIo();
  const { fetch, asked } = scriptedFetch(...answers);
  const host = { clock, download: createPlainDownload({ fetch, clock }) };
  const store = (link: Partial<ResultLink> = {}) =>
    storeDownload({ url: URL_OF_RESULT, kind: "image", maxBytes: 10_000, ...link }, io, host, {
      provider: "Painters",
      startsWork: false,
      secrets: [],
    });
  return { clock, io, asked, store };
}

function redirect(location: string): Response {
  return new Response(null, { status: 302, headers: { location } });
}

describe("fetching a result", () => {
  test("stores its bytes as they came, under the type its first bytes say", async () => {
    const { store, io } = world(
      new Response(bodyOf([PNG.slice(0, 3), PNG.slice(3)]), { headers: { "content-type": "text/plain" } }),
    );
    const media = await store();
    expect(media).toMatchObject({ contentType: "image/png", bytes: PNG.length });
    expect([...io.files.values()]).toEqual([PNG]);
  });

  test("follows redirects, and takes a key to the host it is for only", async () => {
    const { store, asked } = world(
      redirect("/other"),
      redirect("https://elsewhere.test/x"),
      new Response(PNG),
    );
    await store({ headers: { "x-key": "secret" } });
    expect(asked.map(({ url }) => url)).toEqual([
      URL_OF_RESULT,
      "https://cdn.painters.test/other",
      "https://elsewhere.test/x",
    ]);
    expect(asked.map(({ init }) => Object.keys(init.headers ?? {}))).toEqual([["x-key"], ["x-key"], []]);
  });

  test.each([403, 404, 410])(
    "says that a link is dead (%i), so that a poll asks for a new one",
    async (status) => {
      const { store, asked } = world(new Response("gone", { status }));
      const failure = await failureOf(store());
      expect(failure).toMatchObject({ kind: "transient", code: "provider_error" });
      expect(failure.message).not.toMatch(/cdn|secret/);
      expect(asked).toHaveLength(1);
    },
  );

  test.each([
    ["text", "<html>the link has expired</html>"],
    ["error", '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'],
    ["body", ""],
  ])("stores no %s in a picture's place, whatever its status", async (_, body) => {
    const { store, io } = world(new Response(body, { headers: { "content-type": "image/png" } }));
    expect(await failureOf(store())).toMatchObject({ kind: "transient" });
    expect(io.files.size).toBe(0);
  });

  test("tries again when the other side is unreachable or breaks off, and then says so", async () => {
    const good = world(
      new Error("reset"),
      new Response(bodyOf([PNG.slice(0, 2_000)], "broken")),
      new Response(PNG),
    );
    const stored = good.store();
    for (const ms of [0, 1_000, 4_000]) await good.clock.advance(ms);
    expect(await stored).toMatchObject({ bytes: PNG.length });

    const bad = world(...[1, 2, 3].map(() => new Response("", { status: 503 })));
    const failing = failureOf(bad.store());
    for (const ms of [0, 1_000, 4_000]) await bad.clock.advance(ms);
    expect(await failing).toMatchObject({ kind: "transient", code: "provider_unavailable" });
  });

  test.each([
    ["says so", new Response(PNG, { headers: { "content-length": "99999" } })],
    ["does not say so", new Response(bodyOf([PNG, PNG, PNG, PNG]))],
  ])("refuses a file beyond the bound that %s", async (_, answer) => {
    const { store } = world(answer);
    expect(await failureOf(store())).toMatchObject({ kind: "permanent", code: "provider_error" });
  });

  test.each(["file:///etc/passwd", "data:image/png;base64,AA", "not an address"])(
    "fetches no %s",
    async (url) => {
      const { store, asked } = world();
      expect(await failureOf(store({ url }))).toMatchObject({ kind: "permanent" });
      expect(asked).toEqual([]);
    },
  );

  test("goes in no circle of redirects", async () => {
    const { store, asked } = world(...Array.from({ length: 20 }, () => redirect(URL_OF_RESULT)));
    expect(await failureOf(store())).toMatchObject({ kind: "permanent" });
    expect(asked.length).toBeLessThan(8);
  });

  test("ends when the step is stopped", async () => {
    const { store, io, clock } = world(() => new Response(bodyOf([PNG.slice(0, 100)], "silent")));
    const failing = failureOf(store());
    await clock.advance(0);
    io.abort();
    expect(await failing).toMatchObject({ message: expect.stringContaining("interrupted") });
  });
});
