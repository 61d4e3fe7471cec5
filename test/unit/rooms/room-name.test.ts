import { expect, test } from "vitest";
import { parseRoomName, taskRoomName, tenantRoomName } from "../../../src/rooms/room-name.ts";

test("a room's name identifies its log", () => {
  expect(parseRoomName(taskRoomName("key_a", "task-1"))).toEqual({
    kind: "task",
    keyId: "key_a",
    taskId: "task-1",
  });
  expect(parseRoomName(tenantRoomName({ keyId: "key_a", subject: null }))).toEqual({
    kind: "tenant",
    keyId: "key_a",
    subject: null,
  });
});

test("a subject may be any text, also one that looks like a name or has lines", () => {
  for (const subject of ["sam", "a/b", "tenant/key_b", "two\nlines", "Zoë"]) {
    expect(parseRoomName(tenantRoomName({ keyId: "key_a", subject }))).toMatchObject({
      keyId: "key_a",
      subject,
    });
  }
});

test.each(["", "task", "task/key_a", "task//x", "tenant/", "hall/key_a"])("%j is no room", (name) => {
  expect(() => parseRoomName(name)).toThrow(TypeError);
});
