/** The pages of the console: one line each. What is not listed here is not reachable. */

import { AdminPage } from "./admin/admin-page.tsx";
import { AdminKeyPage } from "./admin/key-page.tsx";
import { PlaygroundPage } from "./playground/playground-page.tsx";
import { laterPage } from "./shell/later-page.tsx";
import type { Page } from "./shell/page.ts";
import { SpendPage } from "./spend/spend-page.tsx";
import { TaskListPage } from "./tasks/task-list-page.tsx";
import { TaskDetailPage } from "./tasks/task-page.tsx";
import { WebhooksPage } from "./webhooks/webhooks-page.tsx";

const VoicePage = laterPage(async () => (await import("./voice/voice-page.tsx")).VoicePage);
const TracePage = laterPage(async () => (await import("./trace/trace-page.tsx")).TracePage);

export const PAGES: readonly Page[] = [
  { path: "", title: "Playground", icon: "spark", view: PlaygroundPage },
  { path: "tasks", title: "Tasks", icon: "list", view: TaskListPage },
  { path: "tasks/:id", title: "Task", icon: null, view: TaskDetailPage },
  { path: "voice", title: "Voice", icon: "voice", view: VoicePage },
  { path: "trace", title: "Trace", icon: "trace", view: TracePage },
  { path: "spend", title: "Spend", icon: "coin", view: SpendPage },
  { path: "webhooks", title: "Webhooks", icon: "bell", view: WebhooksPage },
  { path: "admin", title: "Administration", icon: "keys", view: AdminPage },
  { path: "admin/keys/:id", title: "Key", icon: null, view: AdminKeyPage },
];
