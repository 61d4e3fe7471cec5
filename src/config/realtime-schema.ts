/** Settings of `realtime`: voice sessions (docs/realtime.md). */

import { z } from "zod";
import {
  boolean,
  decimal,
  integer,
  list,
  optional,
  optionalDecimal,
  Setting,
  SettingMap,
  text,
} from "./setting.ts";
import { LINE, line, valueFromJson } from "./value-shapes.ts";

const DAY_SECONDS = 86_400;
const MIB = 1_048_576;
const socketAddress = line.regex(/^wss?:\/\/[^\s/?#]+/i).refine((value) => URL.canParse(value));

export const REALTIME_SETTINGS = {
  defaultModel: text("gpt-4o-realtime-preview", line, LINE, "Model of a session that names none."),
  maxConnectionsPerKey: integer(5, 1, 100_000, "Voice sessions of one key at once."),
  maxConnections: integer(1_000, 1, 1_000_000, "Voice sessions at once."),
  maxSessionSeconds: decimal(1_800, 0.05, DAY_SECONDS, "Longest voice session."),
  staleSweepSeconds: decimal(300, 0.01, DAY_SECONDS, "How often dead voice sessions are looked for."),
  maxMessageBytes: integer(MIB, 1_024, 64 * MIB, "Largest message of a client."),
  controlMessagesPerSecond: integer(100, 1, 100_000, "Control messages a client may send, sustained."),
  audioAppendsPerSecond: integer(250, 1, 100_000, "Audio messages a client may send, sustained."),
  burstSeconds: decimal(10, 1, 600, "Seconds' worth of messages a client may send at once."),
  keepTranscripts: boolean(false, "Keep what is said in voice sessions as texts, for the keys they are of."),
  keepRecordings: boolean(
    false,
    "Keep the sound of voice sessions, for the keys they are of. To have everybody's consent is the operator's business.",
  ),
  defaults: {
    voice: optional(line, LINE, "Voice of a session that asks for none."),
    language: optional(line, LINE, "Language of a session that asks for none."),
    instructions: optional(
      z.string().min(1).max(32_000),
      "a text of 1 to 32000 characters",
      "Instructions of a session that gives none.",
    ),
    temperature: optionalDecimal(0, 2, "Temperature of a session that asks for none."),
    responseFormat: optional(line, LINE, "Audio format of a session that asks for none."),
    providerSpecific: new Setting<Readonly<Record<string, z.core.util.JSONType>>>({
      schema: () => z.preprocess(valueFromJson, z.record(z.string(), z.json())),
      fallback: {},
      expected: "a JSON object",
      meaning: "Further session fields, handed to the provider.",
    }),
  },
  providers: new SettingMap(
    {
      webSocketUrl: optional(socketAddress, "a ws:// or wss:// address", "Where the provider is reached."),
      models: list(line, "a list of model names", "Models offered from this provider."),
      voices: list(
        line,
        "a list of voices",
        "Voices its models are known to have; none named: its own list, which is not looked at.",
      ),
      subprotocols: list(
        line.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/),
        "a list of subprotocol names",
        "Subprotocols offered to the provider.",
      ),
      headers: new SettingMap(text("", line, LINE, "A header sent to the provider.", { secret: true }), {
        keyName: "header",
        lowerCaseKeys: false,
      }),
    },
    { keyName: "name", lowerCaseKeys: true },
  ),
};
