import { expect, test } from "vitest";
import { readCommand } from "../../../../src/runtime/process/command-line.ts";

test("no argument starts", () => {
  expect(readCommand([], "1.2.3")).toEqual({ kind: "start" });
});

test("help and version are printed, without a start", () => {
  expect(readCommand(["--version"], "1.2.3")).toEqual({
    kind: "print",
    text: "Conduit 1.2.3\n",
    exitCode: 0,
  });
  for (const argument of ["--help", "-h"])
    expect(readCommand([argument], "1.2.3")).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining("PORT"),
    });
});

test.each([
  [["--port", "9000"]],
  [["--port=9000"]],
  [["serve"]],
  [["--help", "--port"]],
  [["__proto__"]],
  [[""]],
])("%j is refused, and the message says how settings are given", (args) => {
  const command = readCommand(args, "1.2.3");
  expect(command).toMatchObject({ kind: "print", exitCode: 2 });
  expect(command.kind === "print" && command.text).toContain("PORT=9000");
});
