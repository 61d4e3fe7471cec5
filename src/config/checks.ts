/** What a single value cannot tell: settings that must fit together, and those this build cannot honour yet. */

import type { Problem } from "./problem.ts";
import type { Settings } from "./schema.ts";

/** The operator's spelling of a setting, given by path; the path itself where it was not set. */
export type NameOf = (...path: string[]) => string;

/** Problems between settings. */
export function checkTogether(settings: Settings, nameOf: NameOf): Problem[] {
  const { engine, hubs, keys, upstash, qstash } = settings;
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
  const { token, currentSigningKey, nextSigningKey } = qstash;
  problems.push(
    ...incomplete(upstash.url, upstash.token, "UPSTASH_REDIS_REST_TOKEN", nameOf("upstash", "url")),
    ...incomplete(upstash.token, upstash.url, "UPSTASH_REDIS_REST_URL", nameOf("upstash", "token")),
    ...incomplete(token, currentSigningKey, "QSTASH_CURRENT_SIGNING_KEY", nameOf("qstash", "token")),
    ...incomplete(token, nextSigningKey, "QSTASH_NEXT_SIGNING_KEY", nameOf("qstash", "token")),
    ...incomplete(currentSigningKey, token, "QSTASH_TOKEN", nameOf("qstash", "currentSigningKey")),
    ...incomplete(nextSigningKey, token, "QSTASH_TOKEN", nameOf("qstash", "nextSigningKey")),
    ...incomplete(qstash.url, token, "QSTASH_TOKEN", nameOf("qstash", "url")),
  );
  return problems;
}

/**
 * Settings that ask for a store or a queue this build does not have. They stop the start: an operator who asked
 * for shared state must not find tasks in a local file later.
 */
export function checkAvailable(settings: Settings, nameOf: NameOf): Problem[] {
  const asked: [boolean, string, string][] = [
    [settings.redis.connectionString !== null, nameOf("redis", "connectionString"), "Redis"],
    [settings.redis.requireDurable, nameOf("redis", "requireDurable"), "Redis"],
    [settings.upstash.url !== null, nameOf("upstash", "url"), "Upstash"],
    [settings.qstash.token !== null, nameOf("qstash", "token"), "QStash"],
  ];
  return asked
    .filter(([wanted]) => wanted)
    .map(([, name, service]) => ({
      name,
      expected: `no value: this version keeps its state in its data directory and cannot use ${service} yet (unset it to start)`,
      came: "one",
    }));
}

/** What is allowed and still worth a word. */
export function warnings(settings: Settings, nameOf: NameOf): string[] {
  const found: string[] = [];
  const { admin } = settings.keys;
  if (admin !== null && admin.length < ADVISED_ADMIN_KEY) {
    found.push(`${nameOf("keys", "admin")} is short; use at least ${ADVISED_ADMIN_KEY} random characters.`);
  }
  for (const provider of WITHOUT_ADAPTER) {
    if (settings.providers[provider].apiKey !== null) {
      found.push(
        `${nameOf("providers", provider, "apiKey")} is set, but this version offers no models of ${provider} yet.`,
      );
    }
  }
  const { models, realtime } = settings;
  const idle: [Readonly<Record<string, unknown>>, string, string][] = [
    [models.fallbacks, nameOf("models", "fallbacks"), "tries no other model when one is down"],
    [realtime.providers, nameOf("realtime", "providers"), "offers no realtime voice"],
  ];
  for (const [named, name, lack] of idle) {
    if (Object.keys(named).length > 0) found.push(`${name} is set, but this version ${lack} yet.`);
  }
  return found;
}

/** About 120 bits in letters and digits. */
const ADVISED_ADMIN_KEY = 20;
/** Providers whose keys are known and whose models are not offered yet. */
const WITHOUT_ADAPTER = [
  "openai",
  "elevenlabs",
  "minimax",
  "replicate",
  "gemini",
  "fal",
  "ultravox",
  "xai",
] as const satisfies readonly (keyof Settings["providers"])[];

function incomplete(given: unknown, missing: unknown, variable: string, name: string): Problem[] {
  if (given === null || missing !== null) return [];
  return [{ name, expected: `${variable} beside it`, came: "only one of the two" }];
}
