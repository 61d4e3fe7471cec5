import { describe, expect, test } from "vitest";
import {
  changingNames,
  type Field,
  type FieldTable,
  missingValue,
  namesIn,
  recordOf,
  specText,
  TASK_FIELDS,
  taskOf,
} from "../../../src/stores/task-fields.ts";
import { runningTask } from "../../fixture/task.ts";

const BESIDES = { specBytes: 321, progressAt: 77, trimmed: true };
const table: FieldTable = TASK_FIELDS;

/** A task in which no field has the value that a record without it would get. */
const task = runningTask({
  tenant: { keyId: "key_a", subject: "ann" },
  route: [
    { provider: "x", model: "one" },
    { provider: "y", model: "two" },
  ],
  candidate: 1,
  customer: "cust",
  credential: "second account",
  jobFence: 1,
  state: { job: "é" },
});

describe("the record of a task", () => {
  test("has exactly the fields of the table", () => {
    expect(Object.keys(recordOf(task, BESIDES)).sort()).toEqual(Object.keys(TASK_FIELDS).sort());
  });

  test("comes back as the task it was made of", () => {
    expect(taskOf(recordOf(task, BESIDES))).toEqual(task);
  });

  test("is flat, and names the provider of the candidate that is tried now", () => {
    expect(recordOf(task, BESIDES)).toMatchObject({
      keyId: "key_a",
      subject: "ann",
      provider: "y",
      ...BESIDES,
    });
    expect(recordOf({ ...task, candidate: 0 }, BESIDES).provider).toBe("x");
  });

  test("carries a field that this release does not know", () => {
    const later = { ...task, note: "of a later release" };
    expect(recordOf(later, BESIDES)).toMatchObject({ note: "of a later release" });
    expect(taskOf(recordOf(later, BESIDES))).toEqual(later);
  });
});

describe("the table of fields", () => {
  test("puts every field in one of two places", () => {
    const names = [...namesIn(table, "spec"), ...namesIn(table, "own")];
    expect(names.sort()).toEqual(Object.keys(table).sort());
  });

  test("lets nothing change that stands in the spec, which is written once", () => {
    const changing = new Set(changingNames(table));
    expect(namesIn(table, "spec").filter((name) => changing.has(name))).toEqual([]);
  });

  test("lets everything change that a transition changes", () => {
    const changing = changingNames(table);
    expect(changing).toEqual(expect.arrayContaining(["status", "candidate", "provider", "attempts", "seq"]));
    for (const name of ["id", "keyId", "subject", "type", "createdAt", "reservedMicros", "timeoutMs"])
      expect(changing).not.toContain(name);
  });

  test.each(Object.entries(table))(
    "has for %s, where it is missing, a value of its kind",
    (_, field: Field) => {
      const value = missingValue(field, {});
      const kinds: Record<Field["kind"], (value: unknown) => boolean> = {
        text: (found) => found === null || typeof found === "string",
        integer: (found) => found === null || Number.isInteger(found),
        moment: (found) => found === null || Number.isInteger(found),
        flag: (found) => typeof found === "boolean",
        json: () => true,
      };
      expect(kinds[field.kind](value)).toBe(true);
    },
  );
});

describe("the spec", () => {
  const spec = JSON.parse(specText(recordOf(task, BESIDES), table)) as Record<string, unknown>;

  test("holds what is fixed, as it is", () => {
    expect(spec).toMatchObject({
      model: task.model,
      route: task.route,
      request: task.request,
      customer: "cust",
      maxAttempts: task.maxAttempts,
    });
  });

  test("holds nothing that has a place of its own", () => {
    const own = namesIn(table, "own");
    expect(Object.keys(spec).filter((name) => own.includes(name))).toEqual([]);
  });

  test("leaves out what is null, which is what a record without it has", () => {
    expect(task.retryOf).toBeNull();
    expect(Object.keys(spec)).not.toContain("retryOf");
    expect(missingValue(TASK_FIELDS.retryOf, {})).toBeNull();
  });

  test("of the first release names one provider, which is the whole route", () => {
    const first = { provider: "local", providerModel: "canvas", model: "local/canvas" };
    expect(missingValue(TASK_FIELDS.route as Field, first)).toEqual([{ provider: "local", model: "canvas" }]);
    expect(missingValue(TASK_FIELDS.provider as Field, first)).toBe("local");
  });
});
