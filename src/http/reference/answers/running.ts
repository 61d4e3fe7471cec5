/** What probes, the overview and negotiation answer. */

import { z } from "zod";
import type { NegotiateAnswer } from "../../../signalr/transports/negotiation.ts";
import { about, named } from "../shape.ts";

const health = z.enum(["ok", "degraded", "down"]);

export const live = named("Live", "The process runs.", z.object({ status: z.literal("live") }));
export const ready = named("Ready", "Requests may be sent here.", z.object({ status: z.literal("ready") }));
export const healthReport = named(
  "Health",
  "How the parts of the gateway are; the whole is as its worst part.",
  z.object({
    status: health,
    parts: z.record(
      z.string(),
      z
        .looseObject({ status: health, detail: about("For operators.", z.string().exactOptional()) })
        .catchall(z.union([z.string(), z.number(), z.boolean(), z.null()])),
    ),
  }),
);
export const places = named(
  "Overview",
  "Where things are.",
  z.object({
    name: z.string(),
    images: z.string(),
    videos: z.string(),
    tasks: z.string(),
    events: z.string(),
    models: z.string(),
    health: z.string(),
  }),
);
export const acknowledged = named(
  "HookAnswer",
  "The call was taken; some providers expect a body of their own.",
  z.looseObject({}),
);
export const negotiation = named(
  "Negotiation",
  "A connection that may be opened, or why there is none.",
  z.union([
    z.object({
      negotiateVersion: z.int(),
      connectionId: z.string(),
      connectionToken: z.string().exactOptional(),
      availableTransports: z.array(
        z.object({
          transport: z.enum(["WebSockets", "ServerSentEvents", "LongPolling"]),
          transferFormats: z.array(z.string()),
        }),
      ),
      useStatefulReconnect: z.literal(true).exactOptional(),
    }),
    z.object({ error: z.string() }),
  ]) satisfies z.ZodType<NegotiateAnswer>,
);
