/**
 * `local/echo`: the built-in voice, without a network. It listens until the user falls silent, and speaks the same sound back, with
 * a transcript of what it can know of it: how long and how loud it was. A text is written back. `/tool <name> <json>` as a text
 * calls one of the session's tools, so that an application can rehearse its tool calls.
 */

import { levelOf } from "../../audio/pcm.ts";
import { Resampler } from "../../audio/resampler.ts";
import { decodeAudio, encodeAudio, rateOf } from "../../audio/samples.ts";
import type { ResponseUsage } from "../../protocol/realtime.ts";
import type { Json } from "../../protocol/task.ts";
import { type ConversationItem, textOfItem } from "../synthesis/conversation-items.ts";
import { type DialectParts, type ProviderDialect, translatedBy } from "../synthesis/translated-session.ts";
import type { RealtimeProvider } from "../translator.ts";
import { ECHO_CAPABILITIES } from "./echo-capabilities.ts";

export const localEcho: RealtimeProvider = {
  name: "local",
  capabilities: ECHO_CAPABILITIES,
  translator: translatedBy((parts) => new EchoDialect(parts)),
};

/** Loudness from which sound counts as speech, of full scale. */
const SPEECH_LEVEL = 0.01;
const DEFAULT_SILENCE_MS = 500;
/** The most that is spoken back. */
const LONGEST_ECHO_MS = 30_000;
/** Sound of one delta, and how long after the one before it is sent, ms: twice as fast as it is heard. */
const CHUNK_MS = 100;
const CHUNK_EVERY_MS = 50;
/** Tokens as OpenAI counts sound: one for each 100 ms heard, one for each 50 ms spoken. */
const MS_PER_INPUT_TOKEN = 100;
const MS_PER_OUTPUT_TOKEN = 50;
const TOOL = /^\/tool\s+(\S+)(?:\s+(.*))?$/s;

class EchoDialect implements ProviderDialect {
  readonly #context: DialectParts["context"];
  readonly #synthesis: DialectParts["synthesis"];
  /** What was said since the last turn ended, in the input format's rate. */
  #heard: Int16Array[] = [];
  #heardMs = 0;
  /** How much of the sound's end was silence. */
  #silentMs = 0;
  #pending: { cancel(): void } | null = null;
  /** The last thing the user said or wrote, which a response answers. */
  #said:
    | { kind: "sound"; samples: Int16Array; rate: number }
    | { kind: "text" | "result"; text: string }
    | null = null;

  constructor({ context, synthesis }: DialectParts) {
    this.#context = context;
    this.#synthesis = synthesis;
  }

  connect(): void {
    // There is nobody to connect to.
  }

  connected(): void {
    // Never connected.
  }

  fromProvider(): void {
    // There is no provider.
  }

  disconnected(): "end" {
    return "end";
  }

  finish(): void {
    this.#pending?.cancel();
  }

  audio(bytes: Uint8Array): void {
    this.#hear(decodeAudio(bytes, this.#synthesis.state.inputFormat));
  }

  commit(): boolean {
    if (this.#heardMs === 0) return false;
    this.#synthesis.turns.committed();
    this.#endTurn();
    return true;
  }

  clear(): void {
    this.#forget();
  }

  configured(): void {
    // What is asked for is looked at when it matters.
  }

  itemCreated(item: ConversationItem): void {
    if (item.type === "message" && item.role === "user")
      this.#said = { kind: "text", text: textOfItem(item) };
    if (item.type === "function_call_output")
      this.#said = { kind: "result", text: String(item.output ?? "") };
  }

  respond(metadata: Json): void {
    this.#answer(metadata);
  }

  cancel(): void {
    this.#stop("client_cancelled");
  }

  #hear(samples: Int16Array): void {
    const ms = (samples.length * 1_000) / rateOf(this.#synthesis.state.inputFormat);
    const { audioMs } = this.#synthesis;
    const detection = this.#synthesis.state.turnDetection;
    const loud = levelOf(samples) >= SPEECH_LEVEL;
    if (detection === null) {
      this.#keep(samples, ms);
      return;
    }
    if (loud) {
      this.#silentMs = 0;
      if (!this.#synthesis.turns.isSpeaking) {
        this.#synthesis.turns.started(audioMs - ms);
        if (this.#synthesis.response.isOpen && detection.interrupt_response !== false)
          this.#stop("turn_detected");
      }
      this.#keep(samples, ms);
      return;
    }
    if (!this.#synthesis.turns.isSpeaking) return;
    this.#keep(samples, ms);
    this.#silentMs += ms;
    const silence =
      typeof detection.silence_duration_ms === "number" ? detection.silence_duration_ms : DEFAULT_SILENCE_MS;
    if (this.#silentMs < silence) return;
    this.#synthesis.turns.stopped(audioMs);
    this.#endTurn();
    if (detection.create_response !== false && !this.#synthesis.response.isOpen) this.#answer();
  }

  #keep(samples: Int16Array, ms: number): void {
    if (this.#heardMs >= LONGEST_ECHO_MS) return;
    // The bytes of a message belong to the host and are used again.
    this.#heard.push(samples.slice());
    this.#heardMs += ms;
  }

  #endTurn(): void {
    const samples = joined(this.#heard);
    const rate = rateOf(this.#synthesis.state.inputFormat);
    this.#forget();
    this.#said = { kind: "sound", samples, rate };
    if (this.#synthesis.state.transcribes || this.#context.plan.intent === "transcription")
      this.#synthesis.turns.transcribed(describe(samples, rate), {
        type: "duration",
        seconds: samples.length / rate,
      });
  }

  #forget(): void {
    this.#heard = [];
    this.#heardMs = 0;
    this.#silentMs = 0;
  }

  #stop(reason: "turn_detected" | "client_cancelled"): void {
    this.#pending?.cancel();
    this.#pending = null;
    this.#synthesis.response.finish({ status: "cancelled", reason, usage: usageOf(0, 0) });
  }

  #answer(metadata: Json = null): void {
    if (this.#context.plan.intent === "transcription") return;
    this.#synthesis.response.start(metadata);
    const said = this.#said;
    if (said?.kind === "sound") this.#speak(said.samples, said.rate);
    else if (said?.kind === "result") this.#writeBack(`The tool answered: ${said.text}`);
    else this.#write(said?.text ?? "");
  }

  #write(text: string): void {
    const call = TOOL.exec(text.trim());
    const name = call?.[1];
    if (name !== undefined && this.#synthesis.state.tools.some((tool) => tool.name === name)) {
      this.#synthesis.response.functionCall(name, this.#context.newId("call"), call?.[2]?.trim() || "{}");
      this.#synthesis.response.finish({ status: "completed", usage: usageOf(0, 0) });
    } else this.#writeBack(text === "" ? "I have heard nothing yet." : `You wrote: ${text}`);
  }

  #writeBack(answer: string): void {
    if (this.#synthesis.state.textOnly) this.#synthesis.response.text(answer);
    else this.#synthesis.response.transcript(answer);
    this.#synthesis.response.finish({ status: "completed", usage: usageOf(0, 0) });
  }

  #speak(samples: Int16Array, rate: number): void {
    const text = describe(samples, rate);
    if (this.#synthesis.state.textOnly) {
      this.#synthesis.response.text(text);
      this.#synthesis.response.finish({
        status: "completed",
        usage: usageOf((samples.length * 1_000) / rate, 0),
      });
      return;
    }
    this.#synthesis.response.transcript(text);
    const format = this.#synthesis.state.outputFormat;
    const sound = new Resampler(rate, rateOf(format)).push(samples);
    const perChunk = Math.floor((rateOf(format) * CHUNK_MS) / 1_000);
    const inputMs = (samples.length * 1_000) / rate;
    const send = (from: number) => {
      this.#pending = null;
      if (from >= sound.length) {
        this.#synthesis.response.finish({
          status: "completed",
          usage: usageOf(inputMs, (sound.length * 1_000) / rateOf(format)),
        });
        return;
      }
      this.#synthesis.response.audio(
        encodeAudio(sound.subarray(from, from + perChunk), format).toBase64(),
        format,
      );
      this.#pending = this.#context.after(CHUNK_EVERY_MS, () => send(from + perChunk));
    };
    send(0);
  }
}

function joined(parts: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** All that can be known of sound without understanding it. */
function describe(samples: Int16Array, rate: number): string {
  const seconds = (samples.length / rate).toFixed(1);
  return `I heard ${seconds} seconds at ${Math.round(levelOf(samples) * 100)} percent of full level.`;
}

function usageOf(heardMs: number, spokenMs: number): ResponseUsage {
  const input = Math.ceil(heardMs / MS_PER_INPUT_TOKEN);
  const output = Math.ceil(spokenMs / MS_PER_OUTPUT_TOKEN);
  return {
    total_tokens: input + output,
    input_tokens: input,
    output_tokens: output,
    input_token_details: {
      text_tokens: 0,
      audio_tokens: input,
      image_tokens: 0,
      cached_tokens: 0,
      cached_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 },
    },
    output_token_details: { text_tokens: 0, audio_tokens: output },
  };
}
