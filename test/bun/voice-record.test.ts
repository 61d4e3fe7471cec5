/** What is on record of an open voice session, and when. */

import { expect, test } from "vitest";
import type { WireVoiceSessionPage } from "../../src/protocol/voice-session.ts";
import { settled } from "../fixture/manual-clock.ts";
import { type VoiceHouse, voiceHouse } from "../fixture/voice/voice-house.ts";

const DONE = {
  type: "response.done",
  event_id: "e",
  response: {
    id: "r",
    status: "completed",
    usage: {
      total_tokens: 30,
      input_tokens: 20,
      output_tokens: 10,
      input_token_details: { text_tokens: 5, audio_tokens: 15 },
      output_token_details: { text_tokens: 2, audio_tokens: 8 },
    },
  },
};

async function openUsage(house: VoiceHouse): Promise<unknown> {
  const answer = await house.send("GET", "/v1/realtime/connections");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  return ((await answer.json()) as WireVoiceSessionPage).data[0]?.usage;
}

test("what an open session used is listed up to now, not only up to what the store was told last", async () => {
  const house = await voiceHouse();
  await house.connect("?model=openai/gpt-realtime");
  house.upstream.accept();
  expect(await openUsage(house)).not.toHaveProperty("audioOutput");
  house.upstream.say(DONE);
  await settled();
  expect(await openUsage(house)).toMatchObject({ audioOutput: 8, textOutput: 2 });
  house.upstream.say(DONE);
  house.upstream.say(DONE);
  await settled();
  expect(await openUsage(house)).toMatchObject({ audioOutput: 24, textOutput: 6 });
  await house.close();
});
