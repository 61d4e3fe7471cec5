/** `GET /`: an overview of the routes, for people who open the address in a browser. */

import type { Hono } from "hono";
import type { HttpEnv } from "../exchange.ts";

const PLACES = {
  name: "Conduit",
  images: "/v1/images/generations",
  videos: "/v1/videos/generations/async",
  tasks: "/v1/tasks",
  events: "/v1/events",
  models: "/v1/models",
  health: "/health/live",
};

/** Mounts the route; it is open and says nothing about this deployment. */
export function mountWelcome(app: Hono<HttpEnv>): void {
  app.get("/", (c) => c.json(PLACES));
}
