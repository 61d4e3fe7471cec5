/** Usage, ledgers and voice sessions as they are answered. */

import { z } from "zod";
import {
  ADMIN_USAGE_GROUPS,
  type WireMovement,
  type WireUsage,
  type WireUsagePage,
  type WireUsageRow,
} from "../../../protocol/usage.ts";
import type {
  WireArtefactsRemoved,
  WireTranscript,
  WireTranscriptEntry,
  WireVoiceAnalytics,
  WireVoiceSession,
  WireVoiceSessionDetail,
  WireVoiceSessionEnded,
} from "../../../protocol/voice-session.ts";
import { about, dollarsOf, named, page, type Shape, time } from "../shape.ts";

const usageFields = {
  requests: about("Tasks and sessions that were settled.", z.int()),
  completed: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  items: about("Pictures and films that came.", z.int()),
  charged: dollarsOf("what was charged."),
  upstreamCost: about(
    "For administrators: US dollars that the providers billed, as far as they said.",
    z.number().exactOptional(),
  ),
  overrun: about(
    "For administrators: how much of that was beyond what was reserved.",
    z.number().exactOptional(),
  ),
} satisfies Shape<WireUsage>;
const usage = named("Usage", "Sums of what was used.", z.object(usageFields));
const row = named(
  "UsageRow",
  "Sums of one group; one of the names that it was grouped by is there.",
  z.object({
    ...usageFields,
    day: z.string().meta({ format: "date" }).exactOptional(),
    model: z.string().exactOptional(),
    type: z.string().exactOptional(),
    customer: about("Null: what named none.", z.string().nullable().exactOptional()),
    key: z.string().exactOptional(),
  } satisfies Shape<WireUsageRow>),
);
const day = z.string().meta({ format: "date", description: "A UTC day; both are within." });
export const usagePage = named(
  "UsagePage",
  "What was used in some days, in groups.",
  z.object({
    from: day,
    to: day,
    groupBy: z.enum(ADMIN_USAGE_GROUPS),
    currency: z.literal("USD"),
    totals: about("Of all that was asked for, not of this page alone.", usage),
    data: z.array(row),
    hasMore: z.boolean(),
    after: z.string().nullable(),
  } satisfies Shape<WireUsagePage>),
);

const movement = named(
  "LedgerEntry",
  "A charge of a key.",
  z.object({
    source: z.enum(["task", "session"]),
    id: about("Of the task or the session.", z.string()),
    subject: about("Of the ephemeral key; null: the key itself.", z.string().nullable()),
    customer: z.string().nullable(),
    type: z.string(),
    model: z.string(),
    provider: z.string(),
    charged: dollarsOf("what was charged."),
    upstreamCost: about("What the providers billed; null where none said.", z.number().nullable()),
    overrun: z.number(),
    windows: about("Budgets' windows that it counts in.", z.array(z.string())),
    at: time(),
  } satisfies Shape<WireMovement>),
);
export const ledgerPage = named("LedgerPage", "Entries, newest first.", z.object(page(movement)));

const analytics = z.object({
  timeToFirstAudioMs: about(
    "From the end of the user's turn to the first sound of the answer; null while there was none.",
    z.object({ first: z.number().nullable(), median: z.number().nullable() }),
  ),
  turns: z.int(),
  responses: z.int(),
  interruptions: about("Responses that the user spoke into.", z.int()),
  talkedSeconds: z.object({ user: z.number(), assistant: z.number() }),
} satisfies Shape<WireVoiceAnalytics>);
const sessionFields = {
  id: z.string(),
  model: z.string(),
  provider: z.string(),
  keyId: z.string(),
  customer: z.string().nullable(),
  started: time(),
  ended: time("Null while it is open.").nullable(),
  closeReason: about("Why it ended, such as `client_closed`.", z.string().nullable()),
  usage: about("What was used, by the names of its provider.", z.record(z.string(), z.number())),
  analytics,
  cost: dollarsOf("what it came to so far."),
  settled: z.boolean(),
} satisfies Shape<WireVoiceSession>;
const session = named("VoiceSession", "A voice session, open or past.", z.object(sessionFields));
export const sessionDetail = named(
  "VoiceSessionDetail",
  "A voice session, and where what was kept of it is read.",
  z.object({
    ...sessionFields,
    transcript: about("The path of its transcript; null where none is kept.", z.string().nullable()),
    recording: about("The path of its sound; null where none is kept.", z.string().nullable()),
  } satisfies Shape<WireVoiceSessionDetail>),
);
const transcriptEntry = z.object({
  at: time("When it was complete."),
  role: z.enum(["user", "assistant", "system", "tool"]),
  kind: about(
    "`cut`: the user heard no more of the item than `heardMs`.",
    z.enum(["speech", "text", "tool_call", "tool_result", "cut"]),
  ),
  text: about("Of a tool's call: its arguments, as JSON.", z.string()),
  itemId: z.string().nullable(),
  name: about("The tool's.", z.string().exactOptional()),
  heardMs: z.number().exactOptional(),
} satisfies Shape<WireTranscriptEntry>);
export const transcript = named(
  "VoiceTranscript",
  "What was said in a voice session.",
  z.object({
    sessionId: z.string(),
    model: z.string(),
    started: time(),
    ended: time("Null while it is open: what was said lately may be missing.").nullable(),
    complete: about("False when more was said than is kept.", z.boolean()),
    entries: z.array(transcriptEntry),
  } satisfies Shape<WireTranscript>),
);
export const artefactsRemoved = named(
  "VoiceArtefactsRemoved",
  "What was kept of a session is removed.",
  z.object({
    id: z.string(),
    removed: about("How many files.", z.int()),
  } satisfies Shape<WireArtefactsRemoved>),
);
export const sessionPage = named("VoiceSessionPage", "Sessions, newest first.", z.object(page(session)));
export const voiceSessionEnded = named(
  "VoiceSessionEnded",
  "The session is being closed.",
  z.object({ id: z.string(), ended: z.literal(true) } satisfies Shape<WireVoiceSessionEnded>),
);
