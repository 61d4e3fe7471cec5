/** `GET /`: the console for a browser, and for everything else an overview of the routes. */

import type { Hono } from "hono";
import type { HttpEnv } from "../exchange.ts";
import { answerPage, mountPageFiles } from "../pages/page-answer.ts";
import type { PageFiles } from "../pages/page-files.ts";
import { pagePolicy } from "../pages/page-policy.ts";
import type { BaseUrlOptions } from "../request/base-url.ts";

const PAGE = "console";
const PLACES = {
  name: "Conduit",
  images: "/v1/images/generations",
  videos: "/v1/videos/generations/async",
  tasks: "/v1/tasks",
  events: "/v1/events",
  models: "/v1/models",
  health: "/health/live",
};

export type WelcomeDependencies = {
  /** Null where no pages come with the gateway. */
  readonly pages: PageFiles | null;
  readonly urls: BaseUrlOptions;
};

/** Mounts the route and the console's files; they are open and say nothing about this deployment. */
export function mountWelcome(app: Hono<HttpEnv>, { pages, urls }: WelcomeDependencies): void {
  app.get("/", async (c) => {
    c.header("vary", "accept", { append: true });
    const page = isBrowser(c.req.header("accept")) && pages !== null;
    const console = page ? await answerPage(c, PAGE, pages, pagePolicy(c.req.raw, urls)) : null;
    return console ?? c.json(PLACES);
  });
  if (pages !== null) mountPageFiles(app, PAGE, pages);
}

/** Browsers name HTML themselves; `curl` and libraries take anything. */
function isBrowser(accept = ""): boolean {
  return /\btext\/html\b/i.test(accept);
}
