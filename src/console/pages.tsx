/** The pages of the console: one line each. What is not listed here is not reachable. */

import { PlaygroundPage } from "./playground/playground-page.tsx";
import type { Page } from "./shell/page.ts";
import { TaskListPage } from "./tasks/task-list-page.tsx";
import { TaskPage } from "./tasks/task-page.tsx";

export const PAGES: readonly Page[] = [
  { path: "", title: "Playground", icon: "spark", view: PlaygroundPage },
  { path: "tasks", title: "Tasks", icon: "list", view: TaskListPage },
  { path: "tasks/:id", title: "Task", icon: null, view: TaskPage },
];
