/** Settings of `events.sink`: where domain events are sent (docs/events.md). */

import { z } from "zod";
import { DOMAIN_EVENT_TYPES } from "../protocol/domain-event.ts";
import { integer, optional, optionalList, SettingMap, text } from "./setting.ts";
import { line, WEB_ADDRESS, webAddress } from "./value-shapes.ts";

const eventType = z.enum(DOMAIN_EVENT_TYPES);
/** What a header may hold on every runtime. */
const headerValue = line.regex(/^[\x20-\x7e]+$/);
export const SINK_SETTINGS = {
  url: optional(
    webAddress,
    WEB_ADDRESS,
    "Where domain events are posted, as JSON lines. Any host may be named here, a private one and http:// too: it is the operator's.",
  ),
  headers: new SettingMap(
    text("", headerValue, "a text of visible ASCII characters", "A header sent to the sink.", {
      secret: true,
    }),
    { keyName: "header", lowerCaseKeys: false },
  ),
  types: optionalList(
    eventType,
    "a list of types of domain events that docs/events.md names, such as ImageGenerationCompleted",
    "Which domain events are sent; unset: all but progress.",
  ),
  maxRows: integer(
    100_000,
    1,
    10_000_000,
    "Domain events that wait for the sink at most; beyond them the oldest fall out, and are counted.",
  ),
};
