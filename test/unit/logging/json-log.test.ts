import { beforeEach, describe, expect, it } from "vitest";
import { JsonLog, type JsonLogOptions } from "../../../src/logging/json-log.ts";
import { randomToken } from "../../../src/tasks/ids.ts";

const NOW = Date.UTC(2026, 10, 21, 10, 30);
const KEY = `condt_${"K".repeat(43)}`;
const ADMIN = "correct horse battery";

let lines: string[];
let options: JsonLogOptions;

beforeEach(() => {
  lines = [];
  options = { level: "debug", write: (line) => lines.push(line), now: () => NOW, secrets: [ADMIN] };
});

function only(): Record<string, unknown> {
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? "");
}

describe("the log", () => {
  it("writes one JSON object per line with time, level, message and fields", () => {
    new JsonLog(options).info("task accepted", { taskId: "t", ms: 1.5, replayed: false, after: null });
    expect(lines[0]?.endsWith("}\n")).toBe(true);
    expect(only()).toEqual({
      time: "2026-11-21T10:30:00.000Z",
      level: "info",
      msg: "task accepted",
      taskId: "t",
      ms: 1.5,
      replayed: false,
      after: null,
    });
  });

  it("keeps a line a line whatever a text holds", () => {
    const text = 'a\n{"level":"error"}\r\u2028\u0000"\\ \ud800';
    new JsonLog(options).warn(text, { text });
    expect(lines[0]?.trimEnd().split("\n")).toHaveLength(1);
    expect(only()).toMatchObject({ msg: text, text });
  });

  it("writes nothing below its level", () => {
    const log = new JsonLog({ ...options, level: "warn" });
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["c", "d"]);
    expect([log.writes("info"), log.writes("warn")]).toEqual([false, true]);
    new JsonLog({ ...options, level: "silent" }).error("e");
    expect(lines).toHaveLength(2);
  });

  it("carries the fields of its request on every line; a line's own win", () => {
    const log = new JsonLog(options).with({ requestId: "r", taskId: "outer" }).with({ keyId: "k" });
    log.info("x", { taskId: "inner" });
    expect(only()).toMatchObject({ requestId: "r", keyId: "k", taskId: "inner" });
  });

  it("lets no field stand in for time, level or message", () => {
    new JsonLog(options).info("real", { level: "error", msg: "false", time: "never", undefined: undefined });
    expect(only()).toEqual({ time: "2026-11-21T10:30:00.000Z", level: "info", msg: "real" });
  });

  it("lets no credential out, wherever it was put", () => {
    const log = new JsonLog(options).with({ url: `/hubs/tasks?access_token=${KEY}`, note: ADMIN });
    log.error(`refused ${KEY} and ${ADMIN}`, {
      authorization: KEY.slice(6),
      cookie: "session=1",
      cause: `Error: header authorization: Bearer ${KEY.slice(6)}`,
      url2: `redis://:${KEY.slice(6)}@host`,
      quoted: `{"url":"/x?key=a\\"${KEY}"}`,
    });
    const [line = ""] = lines;
    expect(line).not.toContain("KKKKKK");
    expect(line).not.toContain(ADMIN);
    expect(line).not.toContain("session=1");
    expect(only().msg).toBe("refused condt_[redacted] and [redacted]");
  });

  it.each([
    `refused ${KEY}`,
    `cadm_${"K".repeat(43)}`,
    "Bearer KKKKKKKK",
    "redis://u:KKKKKKKK@host",
    "/x?key=KKKKKKKK",
  ])("lets no credential out that stands alone in a line: %s", (text) => {
    new JsonLog(options).info(text);
    new JsonLog(options).info("x", { text });
    new JsonLog(options).with({ text }).info("x");
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).not.toContain("KKKKKK");
  });

  it("lets no secret out that JSON spells differently", () => {
    const secret = 'a"secret\\of the operator';
    new JsonLog({ ...options, secrets: [secret] }).info(`x ${secret}`, {
      y: secret,
      z: JSON.stringify(secret),
    });
    expect(only()).toMatchObject({ msg: "x [redacted]", y: "[redacted]", z: '"[redacted]"' });
  });

  it("lets no key out of texts made of keys and anything around them", () => {
    let seed = 7;
    const random = (bytes: Uint8Array) => {
      for (let index = 0; index < bytes.length; index += 1) {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        bytes[index] = seed >> 16;
      }
    };
    const log = new JsonLog(options);
    for (let round = 0; round < 500; round += 1) {
      const secret = randomToken(32, random);
      const around = String.fromCharCode(32 + (round % 95));
      log.info(`${around}condt_${secret}${around}`, {
        path: `/x?a=1&access_token=condt_${secret}${around}&b=2`,
      });
      expect(lines.at(-1)).not.toContain(secret);
      JSON.parse(lines.at(-1) ?? "");
    }
  });

  it("cuts long texts only after secrets were taken out", () => {
    new JsonLog(options).info(`${"a".repeat(3_990)} ${KEY}`);
    expect(lines[0]).not.toContain("KKK");
    new JsonLog(options).info("b".repeat(100_000));
    expect(lines[1]?.length).toBeLessThan(4_200);
  });

  it("does not fail its caller when the sink does", () => {
    const log = new JsonLog({
      ...options,
      write: () => {
        throw new Error("disk full");
      },
    });
    expect(() => log.error("x")).not.toThrow();
  });
});
