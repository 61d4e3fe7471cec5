/** The names of voice models, as an operator's settings have them. */

import { describe, expect, test } from "vitest";
import { voiceModels, voiceStandIns } from "../../../src/compose/voice/voice.ts";
import { loadConfig } from "../../../src/config/load.ts";

/** With the provider block that is published for this field: its models have been retired since. */
const PUBLISHED = {
  Realtime: {
    Providers: {
      openai: {
        WebSocketUrl: "wss://api.openai.com/v1/realtime",
        Models: ["gpt-4o-realtime-preview"],
        Subprotocols: ["realtime", "openai-beta.realtime-v1"],
        Headers: { "OpenAI-Beta": "realtime=v1" },
      },
      elevenlabs: {
        WebSocketUrl: "wss://api.elevenlabs.io/v1/convai/conversation",
        Models: ["conversational-v1"],
        Subprotocols: ["convai"],
        Headers: {},
      },
    },
  },
};
const OPENAI = { OPENAI_API_KEY: "sk-1" };

function models(env: Readonly<Record<string, string>>, config: object = {}) {
  return voiceModels(loadConfig({ env: { ...env, CONDUIT_CONFIG: JSON.stringify(config) } }).settings);
}

describe("retired names among the models of a provider", () => {
  test("stand for what came after them, or for nothing, and leave the provider's agents alone", () => {
    const offered = models({ ...OPENAI, ELEVENLABS_API_KEY: "e-1" }, PUBLISHED);
    expect(offered.list().map(({ name }) => name)).toEqual(["local/echo", "openai/gpt-realtime-2.1"]);
    for (const name of ["gpt-4o-realtime-preview", "conversational-v1"])
      expect(offered.resolve(name).name).toBe("openai/gpt-realtime-2.1");
    expect(offered.resolve("elevenlabs/agent_1").name).toBe("elevenlabs/agent_1");
    expect(offered.warnings).toEqual([]);
  });

  test("are models of the provider where the operator prices them", () => {
    const prices = {
      "openai/gpt-4o-realtime-preview": { unit: "session", minuteUsd: 0.1, reserveMinuteUsd: 0.1 },
    };
    const offered = models(OPENAI, { ...PUBLISHED, prices });
    expect(offered.resolve("gpt-4o-realtime-preview").name).toBe("openai/gpt-4o-realtime-preview");
  });
});

test("a model that nobody has priced is said not to be offered", () => {
  const providers = { openai: { models: ["gpt-new", "gpt-realtime"] } };
  const offered = models(OPENAI, { realtime: { providers } });
  expect(offered.list().map(({ name }) => name)).toEqual(["local/echo", "openai/gpt-realtime"]);
  expect(offered.warnings).toEqual([
    expect.stringMatching(/^openai\/gpt-new is not offered: .*"openai\/gpt-new":/),
  ]);
});

test("the models that are offered by themselves all have a price", () => {
  const keys = {
    ...OPENAI,
    XAI_API_KEY: "x",
    GEMINI_API_KEY: "g",
    ELEVENLABS_API_KEY: "e",
    ULTRAVOX_API_KEY: "u",
  };
  expect(models(keys).warnings).toEqual([]);
});

describe("example names", () => {
  test("lead to the built-in voice while there is no other, which is said by their names", () => {
    expect(voiceStandIns(models({}))).toEqual(["gpt-4o-realtime-preview", "conversational-v1"]);
    expect(voiceStandIns(models(OPENAI))).toEqual([]);
  });

  test("are retired where what came after them is not offered", () => {
    const offered = models({ ULTRAVOX_API_KEY: "u-1" });
    expect(() => offered.resolve("gpt-4o-realtime-preview")).toThrow(
      expect.objectContaining({
        code: "model_retired",
        param: "model",
        message: expect.stringContaining("openai/gpt-realtime-2.1, which is not offered here"),
      }),
    );
  });
});
