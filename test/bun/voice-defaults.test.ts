/** What a session has where nobody says otherwise: the operator's defaults, under those of a key, under the client's own. */

import { expect, test } from "vitest";
import { type VoiceHouse, voiceHouse } from "../fixture/voice/voice-house.ts";

const DEFAULTS = {
  realtime: {
    defaults: {
      voice: "marin",
      language: "de",
      instructions: "Be brief.",
      providerSpecific: {
        audio: {
          input: { turn_detection: { type: "semantic_vad", eagerness: "low" } },
          output: { speed: 1.2 },
        },
        truncation: { type: "retention_ratio", retention_ratio: 0.8 },
      },
    },
  },
};

type Sides = { audio: { input: Record<string, unknown>; output: Record<string, unknown> } };

const house = () => voiceHouse({ env: { CONDUIT_CONFIG: JSON.stringify(DEFAULTS) } });

async function keyWith(world: VoiceHouse, session: object): Promise<string> {
  const answer = await world.send("POST", "/v1/realtime/client_secrets", { body: { session } });
  return ((await answer.json()) as { value: string }).value;
}

test("an operator's defaults of one thing leave those of another beside it", async () => {
  const world = await house();
  const client = await world.connect("?model=openai/gpt-realtime");
  const created = client.events[0]?.session as unknown as Sides;
  expect(created).toMatchObject({
    instructions: "Be brief.",
    truncation: { type: "retention_ratio" },
    audio: {
      input: {
        transcription: { language: "de" },
        turn_detection: { type: "semantic_vad", eagerness: "low" },
      },
      output: { voice: "marin", speed: 1.2 },
    },
  });
  world.upstream.accept();
  expect(world.upstream.messages[0]?.session).toMatchObject({
    audio: {
      input: { transcription: { language: "de" }, turn_detection: { type: "semantic_vad" } },
      output: { voice: "marin", speed: 1.2 },
    },
  });
  await world.close();
});

test("what a key was made with overrides the fields that it names, at every level, and no other", async () => {
  const world = await house();
  const key = await keyWith(world, {
    type: "realtime",
    audio: { input: { turn_detection: { eagerness: "high" } }, output: { voice: "cedar" } },
  });
  const client = await world.connect("?model=openai/gpt-realtime", key);
  expect(client.events[0]?.session).toMatchObject({
    instructions: "Be brief.",
    audio: {
      input: {
        transcription: { language: "de" },
        turn_detection: { type: "semantic_vad", eagerness: "high" },
      },
      output: { voice: "cedar", speed: 1.2 },
    },
  });
  await world.close();
});

test("beta fields of a key stand where GA has them, so that a provider is sent none", async () => {
  const world = await house();
  const key = await keyWith(world, {
    type: "realtime",
    voice: "cedar",
    input_audio_transcription: { model: "whisper-1" },
  });
  await world.connect("?model=openai/gpt-realtime", key);
  world.upstream.accept();
  const session = world.upstream.messages[0]?.session as unknown as Sides;
  expect(session).not.toHaveProperty("voice");
  expect(session.audio).toMatchObject({
    input: { transcription: { model: "whisper-1", language: "de" } },
    output: { voice: "cedar", speed: 1.2 },
  });
  await world.close();
});
