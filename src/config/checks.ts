/** Checks beyond single values: settings that must fit together, and those that a host does not support. */

import { BETA_PROTOCOL, DEAD_UPSTREAM_HEADERS } from "../protocol/realtime.ts";
import type { ConfigHost } from "./derived-defaults.ts";
import type { NameOf, Problem } from "./problem.ts";
import { checkProviders } from "./provider-checks.ts";
import type { Settings } from "./schema.ts";
import { dottedName } from "./setting-names.ts";
import { checkSink } from "./sink-checks.ts";

/** Problems between settings. */
export function checkTogether(settings: Settings, nameOf: NameOf): Problem[] {
  const { engine, hubs, keys, redis, upstash } = settings;
  const problems: Problem[] = [];
  if (engine.renewMs * 2 > engine.leaseMs) {
    problems.push({
      name: nameOf("engine", "renewMs"),
      expected: `at most half of ${nameOf("engine", "leaseMs")} (${engine.leaseMs})`,
      came: String(engine.renewMs),
    });
  }
  if (engine.retryCapMs < engine.retryBaseMs) {
    problems.push({
      name: nameOf("engine", "retryCapMs"),
      expected: `at least ${nameOf("engine", "retryBaseMs")} (${engine.retryBaseMs})`,
      came: String(engine.retryCapMs),
    });
  }
  if (hubs.clientTimeoutSeconds <= hubs.keepAliveSeconds) {
    problems.push({
      name: nameOf("hubs", "clientTimeoutSeconds"),
      expected: `more than ${nameOf("hubs", "keepAliveSeconds")} (${hubs.keepAliveSeconds})`,
      came: String(hubs.clientTimeoutSeconds),
    });
  }
  if (keys.admin !== null && keys.admin === keys.bootstrap) {
    problems.push({
      name: nameOf("keys", "admin"),
      expected: `a key other than ${nameOf("keys", "bootstrap")}: apps must not administer`,
      came: "the same one",
    });
  }
  problems.push(
    ...halves(
      [
        [upstash.url, "UPSTASH_REDIS_REST_URL", nameOf("upstash", "url")],
        [upstash.token, "UPSTASH_REDIS_REST_TOKEN", nameOf("upstash", "token")],
      ],
      [],
    ),
  );
  const ofRedis = nameOf("redis", "connectionString");
  if (redis.connectionString !== null && (upstash.url !== null || upstash.token !== null)) {
    problems.push({
      name: ofRedis,
      expected:
        "either this or UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN: the state is in one store",
      came: "both",
    });
  }
  if (redis.requireDurable && redis.connectionString === null) {
    problems.push({
      name: nameOf("redis", "requireDurable"),
      expected: `${ofRedis} beside it`,
      came: "no Redis server",
    });
  }
  problems.push(
    ...checkMedia(settings, nameOf),
    ...checkProviders(settings, nameOf),
    ...checkSink(settings, nameOf),
  );
  return problems;
}

function checkMedia({ media }: Settings, nameOf: NameOf): Problem[] {
  const { s3, folder } = media;
  const problems = halves(
    S3_TOGETHER.map((name) => [s3[name], dottedName(["media", "s3", name]), nameOf("media", "s3", name)]),
    [[s3.pathStyle, nameOf("media", "s3", "pathStyle")]],
  );
  if (folder !== null && s3.endpoint !== null) {
    problems.push({
      name: nameOf("media", "folder"),
      expected: `either this or ${nameOf("media", "s3", "endpoint")}: results are in one place`,
      came: "both",
    });
  }
  return problems;
}

/** A bucket needs all of them. */
const S3_TOGETHER = ["endpoint", "bucket", "region", "accessKeyId", "secretAccessKey"] as const;

/**
 * Settings that ask for what a host does not have. They stop the start: an operator who asked for shared state or a
 * queue must not find later that something else stood in for it.
 */
export function checkHost(settings: Settings, host: ConfigHost, nameOf: NameOf): Problem[] {
  return host === "worker" ? checkWorker(settings, nameOf) : checkProcess(settings, nameOf);
}

function checkWorker({ server, redis, qstash }: Settings, nameOf: NameOf): Problem[] {
  const problems = halves(
    [
      [qstash.token, "QSTASH_TOKEN", nameOf("qstash", "token")],
      [qstash.currentSigningKey, "QSTASH_CURRENT_SIGNING_KEY", nameOf("qstash", "currentSigningKey")],
      [qstash.nextSigningKey, "QSTASH_NEXT_SIGNING_KEY", nameOf("qstash", "nextSigningKey")],
    ],
    [[qstash.url, nameOf("qstash", "url")]],
  );
  if (problems.length === 0 && qstash.token !== null && server.publicUrl === null) {
    problems.push({
      name: nameOf("qstash", "token"),
      expected: "CONDUIT_PUBLIC_URL beside it: the address at which QStash reaches this Worker",
      came: "none",
    });
  }
  if (redis.connectionString !== null) {
    problems.push({
      name: nameOf("redis", "connectionString"),
      expected:
        "no value on Workers: the state is in a Durable Object there, or on Upstash (UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN)",
      came: "one",
    });
  }
  return problems;
}

function checkProcess({ qstash }: Settings, nameOf: NameOf): Problem[] {
  const given = (["token", "url", "currentSigningKey", "nextSigningKey"] as const).find(
    (name) => qstash[name] !== null,
  );
  if (given === undefined) return [];
  return [
    {
      name: nameOf("qstash", given),
      expected:
        "no QStash settings (QSTASH_…) outside of Workers: a process is its own queue and works off what is in the store",
      came: "one",
    },
  ];
}

/** What is allowed and gets a warning. */
export function warnings(settings: Settings, nameOf: NameOf): string[] {
  const found: string[] = [];
  const { admin } = settings.keys;
  if (admin !== null && admin.length < ADVISED_ADMIN_KEY) {
    found.push(`${nameOf("keys", "admin")} is short; use at least ${ADVISED_ADMIN_KEY} random characters.`);
  }
  for (const [name, { kind, models: offered }] of Object.entries(settings.providers)) {
    if (kind !== null && offered.length === 0)
      found.push(`${nameOf("providers", name, "models")} names no model, so nothing of ${name} is offered.`);
  }
  for (const [name, { headers, subprotocols }] of Object.entries(settings.realtime.providers)) {
    for (const header of Object.keys(headers))
      if (DEAD_UPSTREAM_HEADERS.has(header.toLowerCase()))
        found.push(
          `${nameOf("realtime", "providers", name, "headers", header)} is not sent: providers refuse the beta interface by now.`,
        );
    if (subprotocols.includes(BETA_PROTOCOL))
      found.push(
        `${nameOf("realtime", "providers", name, "subprotocols")}: ${BETA_PROTOCOL} is not offered: providers refuse the beta interface by now.`,
      );
  }
  return found;
}

/** About 120 bits in letters and digits. */
const ADVISED_ADMIN_KEY = 20;

/** One problem, at the first one given, when some of what belongs together is missing; `extras` need all of it too. */
function halves(
  parts: readonly (readonly [value: unknown, variable: string, name: string])[],
  extras: readonly (readonly [value: unknown, name: string])[],
): Problem[] {
  const missing = parts.filter(([value]) => value === null).map(([, variable]) => variable);
  const present = parts.find(([value]) => value !== null)?.[2];
  const extra = extras.find(([value]) => value !== null)?.[1];
  const name = present ?? extra;
  if (name === undefined || missing.length === 0) return [];
  const list = new Intl.ListFormat("en").format(missing);
  return [{ name, expected: `${list} beside it`, came: missing.length === 1 ? "none" : "none of them" }];
}
