/**
 * Every setting there is; those of the larger groups stand in files of their own. Names carry their unit; lower bounds are small
 * enough for tests to run in milliseconds. `docs/configuration.md` describes the same list for operators, and a test compares the two.
 */

import { z } from "zod";
import { isPlainKey, PLAIN_KEY_SHAPE } from "../accounts/keys/plain-key.ts";
import type { Price } from "../tasks/ports/price.ts";
import { ENGINE_SETTINGS, generationSettings, QUEUE_SETTINGS } from "./engine-schema.ts";
import { MEDIA_SETTINGS } from "./media-schema.ts";
import { PRICE_SHAPE, priceSchema } from "./price-setting.ts";
import { PROVIDER_SETTINGS } from "./provider-schema.ts";
import { REALTIME_SETTINGS } from "./realtime-schema.ts";
import { parseRedisConnection, REDIS_CONNECTION_SHAPE } from "./redis-connection.ts";
import {
  boolean,
  decimal,
  integer,
  list,
  optional,
  optionalList,
  Setting,
  SettingMap,
  type SettingsOf,
  text,
  word,
} from "./setting.ts";
import { SINK_SETTINGS } from "./sink-schema.ts";
import {
  hostName,
  LINE,
  line,
  SECRET,
  secret,
  valueFromJson,
  WEB_ADDRESS,
  webAddress,
} from "./value-shapes.ts";

const DAY_SECONDS = 86_400;
const MIB = 1_048_576;
/** Below this an admin key can be guessed over the network within a day. */
const MIN_ADMIN_KEY = 8;

/** Of a web page: any host below a name, any port. Of an app: whatever it has in the place of a host, or anything. */
const WEB_ORIGIN = /^https?:\/\/(\[[0-9a-f:.]+\]|(\*\.)?[a-z0-9._-]+)(:(\d{1,5}|\*))?\/?$/i;
const APP_ORIGIN = /^(?!https?:)[a-z][a-z0-9+.-]*:\/\/(\*|[a-z0-9._~-]*(:(\d{1,5}|\*))?)$/i;
const origin = line.refine(
  (value) => value === "*" || value === "null" || WEB_ORIGIN.test(value) || APP_ORIGIN.test(value),
);

export const SETTINGS = {
  server: {
    port: integer(8787, 0, 65_535, "TCP port; 0 takes a free one.", { variable: "PORT" }),
    host: text(
      "127.0.0.1",
      hostName,
      "a host name or address without scheme and port",
      "Address to listen on.",
      {
        variable: "HOST",
      },
    ),
    dataDir: text(
      ".conduit",
      line,
      LINE,
      "Folder of the embedded database, the media and keys made at the first start. One process owns it, unless the state is on Redis or Upstash.",
      { variable: "CONDUIT_DATA_DIR" },
    ),
    publicUrl: optional(
      webAddress,
      WEB_ADDRESS,
      "Base of every URL handed out; otherwise scheme and host of the creating request.",
      { variable: "CONDUIT_PUBLIC_URL" },
    ),
    idleTimeoutSeconds: integer(
      75,
      1,
      255,
      "How long a connection may be idle before it is closed (Bun); longer than the balancer's in front, which else sends into closed ones.",
    ),
    trustProxy: boolean(false, "Believe X-Forwarded-* headers: only behind a proxy that sets them itself."),
  },
  keys: {
    bootstrap: optional(
      z.string().trim().refine(isPlainKey),
      PLAIN_KEY_SHAPE,
      "A key with every permission and no budget.",
      {
        variable: "CONDUIT_BOOTSTRAP_KEY",
        secret: true,
      },
    ),
    admin: optional(
      secret.min(MIN_ADMIN_KEY),
      `at least ${MIN_ADMIN_KEY} visible ASCII characters`,
      "The key of /admin/v1.",
      { variable: "CONDUIT_ADMIN_KEY", secret: true },
    ),
    cacheMs: integer(
      10_000,
      0,
      60_000,
      "How long a looked-up key is trusted before the store is asked again.",
    ),
  },
  logging: {
    level: word("info", ["debug", "info", "warn", "error", "silent"], "Least severe level that is logged."),
  },
  limits: {
    jsonBodyBytes: integer(10 * MIB, 1_024, 1_024 * MIB, "Largest JSON request body."),
    multipartBodyBytes: integer(50 * MIB, 1_024, 1_024 * MIB, "Largest multipart request body."),
    inputBytes: integer(20 * MIB, 1_024, 1_024 * MIB, "Largest input picture."),
    promptCharacters: integer(32_000, 1, 32_000, "Longest prompt, in characters (code points)."),
    imagesPerTask: integer(10, 1, 10, "Largest n."),
    metadataPairs: integer(16, 0, 16, "Most metadata entries of a task."),
    metadataKeyCharacters: integer(64, 1, 64, "Longest metadata name."),
    metadataValueCharacters: integer(512, 1, 512, "Longest metadata value."),
    providerOptionsBytes: integer(16_384, 2, 16_384, "Largest provider_options, as JSON."),
  },
  imageGeneration: generationSettings(300, 3_600),
  videoGeneration: generationSettings(1_800, 7_200),
  queue: QUEUE_SETTINGS,
  engine: ENGINE_SETTINGS,
  idempotency: {
    keyHours: decimal(24, 0.0001, 168, "How long an Idempotency-Key is remembered."),
    repeatSeconds: decimal(
      30,
      0,
      3_600,
      "How long after its end a task answers a client library's repeated request that has no key.",
    ),
  },
  retention: {
    tasksDays: decimal(30, 0.00001, 3_650, "How long a task is kept after its end."),
    eventsHours: decimal(24, 0.0001, 8_760, "How long a task's events are kept after its end."),
    mediaDays: decimal(7, 0.00001, 3_650, "How long results are kept after their task's end."),
    ledgerDays: decimal(400, 1, 36_500, "How long charges are kept."),
    sweepIntervalMs: integer(60_000, 5, DAY_SECONDS * 1_000, "How often the retention sweep takes a step."),
  },
  events: {
    heartbeatMs: integer(15_000, 5, 60_000, "How often a silent event stream carries a comment line."),
    positionCheckMs: integer(5_000, 5, 60_000, "How often followed tasks are compared with the store."),
    slowSweepMs: integer(100, 1, 10_000, "How often subscribers are looked at for a growing send buffer."),
    slowBytes: integer(
      65_536,
      1_024,
      16 * MIB,
      "Unsent bytes from which a subscriber counts as slow and is served alone.",
    ),
    slowCloseMs: integer(
      10_000,
      5,
      600_000,
      "How long a subscriber may stay slow before it is closed (1013).",
    ),
    maxConnections: integer(20_000, 1, 1_000_000, "Event streams and event sockets at once."),
    maxConnectionsPerKey: integer(1_000, 1, 1_000_000, "Event streams and event sockets of one key at once."),
    sink: SINK_SETTINGS,
  },
  hubs: {
    snapshotDelayMs: integer(50, 0, 10_000, "No push for a subscription leaves sooner after its answer."),
    maxConnectionsPerKey: integer(100, 1, 1_000_000, "Hub connections of one key at once."),
    maxSubscriptionsPerConnection: integer(10_000, 1, 1_000_000, "Tasks one connection may follow."),
    keepAliveSeconds: decimal(15, 0.01, 3_600, "How often a silent connection is pinged."),
    clientTimeoutSeconds: decimal(
      30,
      0.02,
      7_200,
      "How long a client may be silent; more than keepAliveSeconds.",
    ),
    handshakeTimeoutSeconds: decimal(15, 0.01, 600, "How long a client may take for its handshake."),
    shardsPerKey: integer(1, 1, 256, "Durable Objects that share the hub connections of one key (Workers)."),
  },
  cors: {
    origins: optionalList(
      origin,
      "origins without a path such as https://app.example.com, http://localhost:* (any port), tauri://localhost, vscode-webview://* (any host), null, * for all, or https://*.example.com",
      "Origins of pages and apps let in besides the gateway's own; unset: http://localhost:* and http://127.0.0.1:* while the host is loopback, else none.",
    ),
  },
  metrics: { public: boolean(false, "Open /health and /metrics to everybody.") },
  media: MEDIA_SETTINGS,
  fetch: {
    allowHttp: boolean(
      false,
      "Fetch what callers and providers name over http:// too, not over https:// alone.",
    ),
    allowedHosts: list(
      hostName.transform((host) => host.toLowerCase()),
      "a list of host names or addresses without scheme and port",
      "Hosts that may be fetched although they are in a private network, by their exact names.",
    ),
  },
  webhooks: {
    allowHttp: boolean(false, "Send webhooks to http:// addresses too, not to https:// alone."),
    allowedHosts: list(
      hostName.transform((host) => host.toLowerCase()),
      "a list of host names or addresses without scheme and port",
      "Hosts that webhooks may go to although they are in a private network, by their exact names.",
    ),
  },
  realtime: REALTIME_SETTINGS,
  models: {
    aliases: new SettingMap(
      text("", line, "a model name", "Another name for a model: it leads to the model named here."),
      {
        keyName: "alias",
        lowerCaseKeys: false,
      },
    ),
    fallbacks: new SettingMap(
      list(line, "a list of model names", "Models tried in turn when this one's provider is down."),
      {
        keyName: "model",
        lowerCaseKeys: false,
      },
    ),
  },
  prices: new SettingMap(
    new Setting<Price | null>({
      schema: () => z.preprocess(valueFromJson, priceSchema()),
      fallback: null,
      fallbackText: "a built-in table's",
      expected: PRICE_SHAPE,
      meaning: "What the model of this full name costs; it overrules every other price of it.",
    }),
    { keyName: "model", lowerCaseKeys: false },
  ),
  redis: {
    connectionString: optional(
      z.string().transform((value, context) => {
        const connection = parseRedisConnection(value);
        if (connection !== null) return connection;
        context.addIssue("not a Redis connection");
        return z.NEVER;
      }),
      REDIS_CONNECTION_SHAPE,
      "Keep state on a Redis server, for one or several instances (Bun).",
      { secret: true },
    ),
    requireDurable: boolean(false, "Refuse to start on a Redis server that may forget acknowledged writes."),
  },
  upstash: {
    url: optional(webAddress, WEB_ADDRESS, "Keep state on Upstash (every host).", {
      variable: "UPSTASH_REDIS_REST_URL",
    }),
    token: optional(secret, SECRET, "Token for the Upstash address.", {
      variable: "UPSTASH_REDIS_REST_TOKEN",
      secret: true,
    }),
  },
  qstash: {
    token: optional(secret, SECRET, "Queue through QStash (Workers).", {
      variable: "QSTASH_TOKEN",
      secret: true,
    }),
    url: optional(webAddress, WEB_ADDRESS, "QStash address other than the usual one.", {
      variable: "QSTASH_URL",
    }),
    currentSigningKey: optional(secret, SECRET, "Verifies what QStash delivers.", {
      variable: "QSTASH_CURRENT_SIGNING_KEY",
      secret: true,
    }),
    nextSigningKey: optional(secret, SECRET, "Verifies what QStash delivers after a key rotation.", {
      variable: "QSTASH_NEXT_SIGNING_KEY",
      secret: true,
    }),
  },
  providers: PROVIDER_SETTINGS,
};

/** As they were given: null where the host and the store decide. */
export type RawSettings = SettingsOf<typeof SETTINGS>;
type DecidedGroup = "cors" | "engine" | "imageGeneration" | "videoGeneration";

/** All settings, checked; what depends on the host and on other settings is decided. */
export type Settings = Omit<RawSettings, DecidedGroup> & {
  readonly [G in DecidedGroup]: {
    readonly [S in keyof RawSettings[G]]: NonNullable<RawSettings[G][S]>;
  };
};
