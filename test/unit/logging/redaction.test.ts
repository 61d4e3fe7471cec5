import { describe, expect, it } from "vitest";
import { redactSecrets } from "../../../src/logging/redaction.ts";

const KEY = `condt_${"K".repeat(43)}`;

describe("redactSecrets", () => {
  it.each([
    [
      "a key in the path's query",
      `GET /v1/tasks/1/events?after=x&access_token=${KEY}&limit=2`,
      "GET /v1/tasks/1/events?after=x&access_token=[redacted]&limit=2",
    ],
    [
      "a token without a known form",
      "/hubs/tasks?access_token=opaque-value",
      "/hubs/tasks?access_token=[redacted]",
    ],
    ["a percent-encoded key", "/hubs/tasks?access_token=condt%5FKKKK", "/hubs/tasks?access_token=[redacted]"],
    ["a key in a fragment", `http://localhost/#key=${KEY}`, "http://localhost/#key=[redacted]"],
    ["an authorization header", "authorization: Bearer abc.def~x", "authorization: Bearer [redacted]"],
    ["a basic one", "Basic dXNlcjpwYXNz", "Basic [redacted]"],
    ["a key among words", `key ${KEY}, please`, "key condt_[redacted], please"],
    ["a key glued to a name", `CONDUIT_${KEY}`, "CONDUIT_condt_[redacted]"],
    ["a key in a subprotocol list", `realtime, conduit-key.${KEY}`, "realtime, conduit-key.condt_[redacted]"],
    ["credentials in an address", "redis://user:pass@host:6379/0", "redis://[redacted]@host:6379/0"],
    [
      "a provider's key",
      "Incorrect API key provided: sk-proj-abcdefgh",
      "Incorrect API key provided: sk-[redacted]",
    ],
    ["a webhook secret", "whsec_MfKQ9r8GKYqrTwjU", "whsec_[redacted]"],
  ])("takes out %s", (_, text, expected) => {
    expect(redactSecrets(text)).toBe(expected);
  });

  it.each([
    "accepted task 0198c0de-7000-7000-8000-000000000001",
    "https://host/v1/media/2026/11/21/a?x=1#top",
    "week_of_the_year ask-question task-runner-1 risk_factors",
    "listening on http://127.0.0.1:8787",
  ])("leaves %s alone", (text) => {
    expect(redactSecrets(text)).toBe(text);
  });
});
