/** A session that outlives its provider's: another one of the provider's goes on in its place, and the client keeps its own. */

import { describe, expect, test } from "vitest";
import type { Json } from "../../../src/protocol/task.ts";
import type { RealtimeProvider } from "../../../src/realtime/translator.ts";
import { openAiTranslator } from "../../../src/realtime/translators/openai.ts";
import { ConversationMemory } from "../../../src/realtime/translators/openai-memory.ts";
import { VoiceWorld, type VoiceWorldOptions } from "../../fixture/voice/voice-world.ts";

const provider: RealtimeProvider = {
  name: "openai",
  capabilities: { tools: true, voices: null, imageInput: true, transcription: true, webrtc: true },
  translator: (context) => openAiTranslator(context, { modelInUrl: true }),
};

const LIFE_MS = 120_000;

function item(id: string, role: string, content: Json): Json {
  return { id, type: "message", role, content };
}

/** A session in which both have spoken, an hour ago or so. */
async function spoken(options: VoiceWorldOptions = {}): Promise<VoiceWorld> {
  const world = new VoiceWorld(provider, options);
  world.upstream.accept();
  world.client({ type: "session.update", session: { type: "realtime", instructions: "Be brief." } });
  world.upstream.say({ type: "session.updated", event_id: "e", session: { instructions: "Be brief." } });
  const says = (type: string, added: Json) =>
    world.upstream.say({ type, event_id: "e", item: added, previous_item_id: null });
  says("conversation.item.added", item("u1", "user", [{ type: "input_audio", transcript: null }]));
  world.upstream.say({
    type: "conversation.item.input_audio_transcription.completed",
    event_id: "e",
    item_id: "u1",
    content_index: 0,
    transcript: "What is the time?",
  });
  says("conversation.item.added", item("a1", "assistant", []));
  says("conversation.item.done", item("a1", "assistant", [{ type: "output_audio", transcript: "Noon." }]));
  says("conversation.item.added", item("u2", "user", [{ type: "input_audio", transcript: null }]));
  const call = { id: "f1", type: "function_call", call_id: "c1", name: "bell", arguments: "{}" };
  says("conversation.item.done", call);
  says("conversation.item.added", { id: "o1", type: "function_call_output", call_id: "c1", output: "rang" });
  says("conversation.item.added", item("gone", "user", [{ type: "input_text", text: "secret" }]));
  world.upstream.say({ type: "conversation.item.deleted", event_id: "e", item_id: "gone" });
  await world.clock.advance(LIFE_MS);
  return world;
}

function expire(world: VoiceWorld): void {
  const error = { type: "invalid_request_error", code: "session_expired", message: "60 minutes" };
  world.upstream.say({ type: "error", event_id: "e", error });
  world.upstream.close(1001, "Your session hit the maximum duration of 60 minutes.");
}

describe("a provider whose session ends before ours", () => {
  test("is connected to again, and given the configuration and the conversation as texts", async () => {
    const world = await spoken();
    expire(world);
    expect(world.upstreams).toHaveLength(2);
    world.upstream.accept();
    expect(world.upstream.messages).toEqual([
      { type: "session.update", session: { type: "realtime", instructions: "Be brief." } },
      {
        type: "conversation.item.create",
        item: item("u1", "user", [{ type: "input_text", text: "What is the time?" }]),
      },
      {
        type: "conversation.item.create",
        item: item("a1", "assistant", [{ type: "output_text", text: "Noon." }]),
      },
      {
        type: "conversation.item.create",
        item: { id: "f1", type: "function_call", call_id: "c1", name: "bell", arguments: "{}" },
      },
      {
        type: "conversation.item.create",
        item: { id: "o1", type: "function_call_output", call_id: "c1", output: "rang" },
      },
    ]);
    expect(world.one("conduit.warning")).toMatchObject({
      code: "context_restored",
      restored_items: 4,
      lost_items: 1,
    });
    expect(world.closedWith).toBeNull();
  });

  test("is not noticed by the client but for the warning: what it says of what it was given is not passed on", async () => {
    const world = await spoken();
    const before = world.sent.length;
    expire(world);
    world.upstream.accept();
    world.upstream.say({ type: "session.created", event_id: "e", session: { id: "another" } });
    world.upstream.say({ type: "session.updated", event_id: "e", session: { instructions: "Be brief." } });
    for (const id of ["u1", "a1", "f1", "o1"])
      for (const type of ["conversation.item.added", "conversation.item.done"])
        world.upstream.say({ type, event_id: "e", item: { id, type: "message", role: "user", content: [] } });
    expect(world.types(before)).toEqual(["conduit.warning"]);
    const next = item("u3", "user", [{ type: "input_text", text: "hi" }]);
    world.upstream.say({ type: "conversation.item.added", event_id: "e", item: next });
    world.client({ type: "session.update", session: { type: "realtime", instructions: "Be long." } });
    world.upstream.say({ type: "session.updated", event_id: "e", session: { instructions: "Be long." } });
    expect(world.types(before).slice(1)).toEqual(["conversation.item.added", "session.updated"]);
  });

  test("ends what was being said as failed, exactly once, and what the client sends meanwhile comes behind", async () => {
    const world = await spoken();
    world.upstream.say({ type: "response.created", event_id: "e", response: { id: "r1" } });
    expire(world);
    expect(world.one("response.done").response).toMatchObject({
      id: "r1",
      status: "failed",
      status_details: { error: { code: "session_expired" } },
    });
    world.client({ type: "response.create" });
    world.upstream.accept();
    expect(world.upstream.messages.at(-1)).toEqual({ type: "response.create" });
    world.upstream.say({ type: "response.created", event_id: "e", response: { id: "r2" } });
    world.upstream.say({ type: "response.done", event_id: "e", response: { id: "r2", status: "completed" } });
    expect(world.of("response.done")).toHaveLength(2);
  });

  test("is restored again from what was restored, when that ends too", async () => {
    const world = await spoken();
    for (let times = 0; times < 2; times += 1) {
      expire(world);
      world.upstream.accept();
      await world.clock.advance(LIFE_MS);
    }
    expect(world.upstreams).toHaveLength(3);
    expect(world.upstream.messages).toHaveLength(5);
  });

  test("that leaves as soon as it came is not connected to again and again", async () => {
    const world = new VoiceWorld(provider);
    world.upstream.accept();
    await world.clock.advance(59_000);
    world.upstream.close(1001);
    expect(world.upstreams).toHaveLength(1);
    expect(world.closedWith?.code).toBe(1001);
  });

  test("does not make ours longer", async () => {
    const world = await spoken({ limits: { maxSessionMs: LIFE_MS + 1_000 } });
    expire(world);
    world.upstream.accept();
    await world.clock.advance(1_000);
    expect(world.one("error").error).toMatchObject({ code: "session_expired" });
    expect(world.closedWith?.code).toBe(1001);
  });

  test("that cannot be had again ends the session with its reason", async () => {
    const world = await spoken();
    expire(world);
    world.upstream.refuse(401);
    expect(world.one("error").error).toMatchObject({ code: "authentication_failed" });
    expect(world.closedWith?.code).toBe(1011);
  });
});

test("a session of which nobody says a word for 20 minutes goes on", async () => {
  const world = new VoiceWorld(provider);
  world.upstream.accept();
  await world.clock.advance(1_200_000);
  expect(world.closedWith).toBeNull();
  world.client({ type: "response.create" });
  expect(world.upstream.messages).toEqual([{ type: "response.create" }]);
});

describe("the memory of a conversation", () => {
  test("forgets the oldest items beyond 200, or 256 kB, and counts them as lost", () => {
    const many = new ConversationMemory({});
    for (let n = 0; n < 250; n += 1) many.keep(item(`i${n}`, "user", [{ type: "input_text", text: "hi" }]));
    expect(many.restore("realtime")).toMatchObject({ lost: 50, itemIds: { length: 200, 0: "i50" } });
    const large = new ConversationMemory({});
    const text = "x".repeat(100_000);
    for (let n = 0; n < 4; n += 1) large.keep(item(`i${n}`, "user", [{ type: "input_text", text }]));
    expect(large.restore("realtime").itemIds).toEqual(["i2", "i3"]);
  });

  test("leaves out an update that the provider refused", () => {
    const memory = new ConversationMemory({});
    memory.asked({ type: "session.update", event_id: "mine", session: { voice: "none such" } });
    memory.asked({ type: "session.update", session: { instructions: "Be brief." } });
    memory.refused({ code: "invalid_value", event_id: "mine", param: "session.voice" });
    memory.took();
    expect(memory.session).toEqual({ instructions: "Be brief." });
  });
});
