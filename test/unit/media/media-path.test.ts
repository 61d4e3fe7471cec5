import { describe, expect, test } from "vitest";
import { parseMediaPath, taskFolder } from "../../../src/media/media-path.ts";
import { createTaskIds } from "../../../src/tasks/ids.ts";

const TASK_ID = createTaskIds(() => Date.UTC(2026, 10, 21, 23, 59, 59, 999))();
const TOKEN = "aB3".repeat(8).slice(0, 22);

describe("a media path", () => {
  test("is taken apart when its day is the one its task was made on", () => {
    expect(taskFolder(TASK_ID)).toBe(`2026/11/21/${TASK_ID}`);
    expect(parseMediaPath(`2026/11/21/${TASK_ID}/${TOKEN}.png`)).toEqual({
      folder: `2026/11/21/${TASK_ID}`,
      taskId: TASK_ID,
      token: TOKEN,
      label: null,
      extension: "png",
    });
    expect(parseMediaPath(`2026/11/22/${TASK_ID}/${TOKEN}.png`)).toBeNull();
  });

  test("of a task id beyond the calendar is nobody's", () => {
    expect(parseMediaPath(`2026/11/21/ffffffff-ffff-7000-8000-000000000001/${TOKEN}.png`)).toBeNull();
  });
});
