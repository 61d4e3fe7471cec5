/** Every domain event as it is sent, and the page that describes its fields. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { lineOf } from "../../../src/events/lines.ts";
import { spendUpdate, thresholdReached } from "../../../src/events/money-events.ts";
import { sessionEnded, sessionStarted } from "../../../src/events/session-events.ts";
import { taskEventsOf } from "../../../src/events/task-events.ts";
import {
  DOMAIN_EVENT_TYPES,
  type DomainEvent,
  USUAL_EVENT_TYPES,
} from "../../../src/protocol/domain-event.ts";
import { EVENT_TYPES, TASK_TYPES } from "../../../src/protocol/task.ts";
import type { Session } from "../../../src/realtime/session-store.ts";
import { runningTask } from "../../fixture/task.ts";

const AT = Date.UTC(2026, 10, 30, 12);
const PAGE = readFileSync(resolve(import.meta.dirname, "../../../docs/events.md"), "utf8");
const ALL = new Set<string>(DOMAIN_EVENT_TYPES);
const SESSION: Session = {
  id: "session-1",
  keyId: "a",
  subject: "s",
  customer: "c",
  provider: "openai",
  model: "gpt-realtime",
  reservedMicros: 1_000,
  price: null,
  startedAt: AT - 5_000,
  leaseUntil: null,
  fence: 1,
  counters: { audioInMs: 5 },
  endedAt: AT,
  closeReason: "client",
  chargedMicros: 7,
  callId: null,
  account: null,
  settled: true,
};

const SAMPLES: readonly DomainEvent[] = [
  ...TASK_TYPES.flatMap((type) =>
    EVENT_TYPES.flatMap((event) => {
      const task = runningTask({ type, startedAt: AT - 1_000, finishedAt: AT });
      return taskEventsOf({ task, events: [{ type: event, seq: 3, at: AT }] }, ALL);
    }),
  ),
  sessionStarted(SESSION, AT),
  sessionEnded(SESSION, AT),
  spendUpdate(
    {
      id: "task/t",
      source: "task",
      sourceId: "t",
      keyId: "a",
      subject: "",
      customer: null,
      type: "image",
      model: "m",
      provider: "p",
      chargedMicros: 5,
      upstreamMicros: null,
      overrunMicros: 0,
      at: AT,
    },
    [
      {
        customer: null,
        period: "total",
        window: "total",
        limitMicros: 9,
        chargedMicros: 5,
        reservedMicros: 0,
      },
    ],
  ),
  thresholdReached({
    keyId: "a",
    customer: "c",
    period: "daily",
    window: "2026-11-30",
    percent: 50,
    limitMicros: 10,
    chargedMicros: 5,
    at: AT,
  }),
];

/** The fields of the first table below a heading. */
function fieldsBelow(heading: string): string[] {
  const from = PAGE.indexOf(`\n${heading}\n`);
  expect(from, heading).toBeGreaterThan(0);
  const rows = PAGE.slice(from).split("\n");
  const first = rows.findIndex((row) => row.startsWith("| `"));
  const end = rows.findIndex((row, index) => index > first && !row.startsWith("| `"));
  return rows.slice(first, end).map((row) => /^\| `(\w+)`/.exec(row)?.[1] ?? "");
}

function headingsOf(type: string): string[] {
  const happening = /^(?:Image|Video)Generation(\w+)$/.exec(type)?.[1];
  if (happening === undefined)
    return type.startsWith("Realtime") ? ["## Voice sessions", `### ${type}`] : [`### ${type}`];
  const ends = ["Completed", "Failed", "Cancelled"];
  return ["## Tasks", ends.includes(happening) ? `### ${ends.join(", ")}` : `### ${happening}`];
}

function sent(event: DomainEvent) {
  const line = lineOf(JSON.stringify(event));
  expect(line?.endsWith("\n")).toBe(true);
  return JSON.parse(line ?? "") as Record<string, unknown> & { data: Record<string, unknown> };
}

describe("a domain event as it is sent", () => {
  test("is there of every type", () => {
    expect(new Set(SAMPLES.map(({ type }) => type))).toEqual(ALL);
    expect(USUAL_EVENT_TYPES).toHaveLength(DOMAIN_EVENT_TYPES.length - 2);
  });

  test.each(SAMPLES.map((event) => [event.type, event] as const))(
    "%s has the fields of docs/events.md",
    (type, event) => {
      const wire = sent(event);
      expect(Object.keys(wire)).toEqual(fieldsBelow("## Every event"));
      expect(Object.keys(wire.data)).toEqual(headingsOf(type).flatMap(fieldsBelow));
    },
  );

  test("has moments as ISO 8601 texts, and null for those that never came", () => {
    const events = SAMPLES.map(sent);
    for (const { at, data } of events) {
      expect(at).toBe("2026-11-30T12:00:00.000Z");
      for (const name of ["createdAt", "startedAt"])
        if (data[name] !== undefined) expect(String(data[name])).toMatch(/^20\d\d-\d\d-\d\dT[\d:.]{12}Z$/);
    }
    const task = runningTask({ startedAt: null });
    const [cancelled] = taskEventsOf({ task, events: [{ type: "cancelled", seq: 2, at: AT }] }, ALL);
    expect(sent(cancelled as DomainEvent).data.startedAt).toBeNull();
  });

  test("is left out when what is stored cannot be read", () => {
    expect(lineOf("{")).toBeNull();
    expect(lineOf('{"id":"x"}')).toBeNull();
  });

  test("is not made where nobody wants its type", () => {
    const task = runningTask({});
    const events = [{ type: "progress", seq: 2, at: AT } as const];
    expect(taskEventsOf({ task, events }, new Set(USUAL_EVENT_TYPES))).toEqual([]);
  });
});
