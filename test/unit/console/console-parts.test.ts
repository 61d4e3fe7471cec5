/** Small parts of the console: addresses, routes, words, and the timeline of a task. */

import { describe, expect, it } from "vitest";
import { mediaAddress, thumbnailAddress } from "../../../src/console/data/media-address.ts";
import { dollarsText, durationWords } from "../../../src/console/design/format.ts";
import { hashRouteOf, hrefOf, matchRoute } from "../../../src/console/shell/route.ts";
import { filterOf, hrefOfFilter } from "../../../src/console/tasks/filters.tsx";
import { timelineOf } from "../../../src/console/tasks/timeline.ts";
import type { WireTask } from "../../../src/protocol/task.ts";

describe("the address of a result", () => {
  const BASE = "https://www.test/conduit";
  it.each([
    ["of this gateway", "https://www.test/conduit/v1/media/a/b.png", `${BASE}/v1/media/a/b.png`],
    ["of this gateway by another name", "http://10.0.0.7:8787/v1/media/a/b.png", `${BASE}/v1/media/a/b.png`],
    ["of a CDN", "https://cdn.test/results/a/b.png", "https://cdn.test/results/a/b.png"],
  ])("%s is one that the page may load", (_, url, address) => {
    expect(mediaAddress(url, BASE)).toBe(address);
  });

  it("has a small copy where the gateway keeps it", () => {
    expect(thumbnailAddress("http://x.test/v1/media/b.png", BASE)).toBe(
      `${BASE}/v1/media/b.png?thumbnail=256`,
    );
    expect(thumbnailAddress("https://cdn.test/b.png", BASE)).toBe("https://cdn.test/b.png");
  });
});

describe("a route", () => {
  it("leads to its page with the parameters of its path and its query", () => {
    const route = hashRouteOf("#/tasks/a%2Fb?status=failed");
    expect(matchRoute("tasks/:id", route)).toMatchObject({ parameters: { id: "a/b" } });
    expect(route.query.get("status")).toBe("failed");
    expect(matchRoute("tasks", route)).toBeNull();
    expect(matchRoute("", hashRouteOf(""))).not.toBeNull();
    expect(matchRoute("tasks/:id", hashRouteOf("#/tasks/%"))).toMatchObject({ parameters: { id: "%" } });
  });

  it("has a query without what is empty", () => {
    expect(hrefOf("tasks", { status: undefined, type: "image", batch: "" })).toBe("#/tasks?type=image");
  });

  it("carries a filter, and drops what is none", () => {
    const href = hrefOfFilter({ status: ["failed", "queued"], type: "video", batchId: "b1" });
    const filter = { status: ["queued", "failed"], type: "video", batchId: "b1" };
    expect(filterOf(hashRouteOf(href).query)).toEqual(filter);
    expect(filterOf(new URLSearchParams("status=done&type=song"))).toEqual({});
  });
});

describe("words", () => {
  it.each([
    [0, "$0"],
    [0.08, "$0.08"],
    [0.1249, "$0.1249"],
    [0.000012, "$0.000012"],
    [12.5, "$12.50"],
  ])("%d dollars are %s", (dollars, text) => expect(dollarsText(dollars)).toBe(text));

  it.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [1_500, "1.5 s"],
    [59_700, "1 min 0 s"],
    [61_000, "1 min 1 s"],
    [119_900, "2 min 0 s"],
    [3_720_000, "1 h 2 min"],
  ])("%d ms are %s", (ms, text) => expect(durationWords(ms)).toBe(text));
});

describe("the timeline of a task", () => {
  const CREATED = Date.parse("2026-11-30T12:00:00.000Z");
  const iso = (ms: number) => new Date(CREATED + ms).toISOString();
  const task = (fields: Partial<WireTask>): WireTask =>
    ({ created: iso(0), status: "running", attempt: 1, message: null, attempts: [], ...fields }) as WireTask;
  const attempt = { attempt: 1, provider: "openai", model: "m", startedAt: iso(500), ms: 1_000 } as const;

  it("begins in the queue, and shows every attempt with its provider", () => {
    const retried = { ...attempt, outcome: "retried", errorCode: "provider_unavailable" } as const;
    const done = {
      ...attempt,
      attempt: 2,
      startedAt: iso(3_000),
      outcome: "completed",
      errorCode: null,
    } as const;
    const metrics = { queueMs: 500, providerMs: 2_000, storeMs: 10 };
    const ended = { status: "completed", finished: iso(4_000), metrics, attempts: [retried, done] } as const;
    expect(timelineOf(task({ ...ended, attempts: [...ended.attempts] }), null, CREATED + 99_000)).toEqual([
      { label: "Queue", from: 0, to: 500, tone: "plain", note: "" },
      { label: "Attempt 1", from: 500, to: 1_500, tone: "warn", note: "openai/m: provider_unavailable" },
      { label: "Attempt 2", from: 3_000, to: 4_000, tone: "good", note: "openai/m: completed" },
    ]);
  });

  it("goes on while the task does, from where its attempt was seen to begin", () => {
    const spans = timelineOf(task({ message: "painting" }), iso(700), CREATED + 2_000);
    expect(spans).toEqual([
      { label: "Queue", from: 0, to: 700, tone: "plain", note: "" },
      { label: "Attempt 1", from: 700, to: 2_000, tone: "busy", note: "painting" },
    ]);
  });

  it("shows a wait before the first attempt with the place in line, and one between attempts", () => {
    const queued = task({ status: "queued", queuePosition: 3 });
    expect(timelineOf(queued, null, CREATED + 2_000)).toEqual([
      { label: "Queue", from: 0, to: 2_000, tone: "plain", note: "3 in line" },
    ]);
    const retried = { ...attempt, outcome: "retried", errorCode: "timeout" } as const;
    const waiting = task({ status: "queued", queuePosition: null, attempts: [retried] });
    expect(timelineOf(waiting, null, CREATED + 5_000).at(-1)).toEqual({
      label: "Waiting",
      from: 1_500,
      to: 5_000,
      tone: "plain",
      note: "for the next attempt",
    });
  });
});
