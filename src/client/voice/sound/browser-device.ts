/** Microphone and speaker of a browser, on its audio thread. The sound is taken and played at the device's own rate. */

import { Resampler } from "../../../audio/resampler.ts";
import { FrameMaker, fromPcm, VOICE_RATE } from "./frame-maker.ts";
import { faultOf, openMicrophone } from "./microphone.ts";
import { PlaybackLedger, type SpokenPart } from "./playback-ledger.ts";
import type { OpenSoundDevice, SoundDevice, SoundDeviceOptions, SoundListener } from "./sound-device.ts";
import {
  MICROPHONE_PROCESSOR,
  SPEAKER_PROCESSOR,
  type SpeakerMessage,
  type SpeakerReport,
  WORKLET_TEXT,
} from "./worklet-text.ts";

/** Samples that a level is measured over. */
const LEVEL_SAMPLES = 1_024;

export const openBrowserDevice: OpenSoundDevice = async (options, listener) => {
  const stream = options.microphone === null ? null : await openMicrophone(options.microphone);
  const context = new AudioContext({ latencyHint: "interactive" });
  try {
    if (options.carriesSound) await loadWorklet(context, options.workletUrl);
    return new BrowserDevice(context, stream, options, listener);
  } catch (error) {
    for (const track of stream?.getTracks() ?? []) track.stop();
    await context.close();
    throw error;
  }
};

async function loadWorklet(context: AudioContext, url: string | null): Promise<void> {
  const worklet = context.audioWorklet as AudioWorklet | undefined;
  if (worklet === undefined) throw faultOf("unsupported");
  const address = url ?? URL.createObjectURL(new Blob([WORKLET_TEXT], { type: "text/javascript" }));
  try {
    await worklet.addModule(address);
  } catch (cause) {
    throw faultOf("blocked", cause);
  } finally {
    if (url === null) URL.revokeObjectURL(address);
  }
}

class BrowserDevice implements SoundDevice {
  readonly microphone: MediaStreamTrack | null;
  readonly #context: AudioContext;
  readonly #options: SoundDeviceOptions;
  readonly #listener: SoundListener;
  readonly #input: AnalyserNode;
  readonly #output: AnalyserNode;
  readonly #ledger: PlaybackLedger;
  readonly #toDevice: Resampler;
  readonly #frames: FrameMaker;
  readonly #scratch = new Float32Array(LEVEL_SAMPLES);
  #speaker: AudioWorkletNode | null = null;
  #generation = 0;
  /** Chromium lets a peer connection's sound into an audio graph only while an element has it. */
  #element: HTMLAudioElement | null = null;
  #remote: MediaStreamAudioSourceNode | null = null;

  constructor(
    context: AudioContext,
    stream: MediaStream | null,
    options: SoundDeviceOptions,
    listener: SoundListener,
  ) {
    this.#context = context;
    this.#options = options;
    this.#listener = listener;
    this.#ledger = new PlaybackLedger(context.sampleRate);
    this.#toDevice = new Resampler(VOICE_RATE, context.sampleRate);
    this.#frames = new FrameMaker(context.sampleRate);
    this.#input = new AnalyserNode(context, { fftSize: LEVEL_SAMPLES });
    this.#output = new AnalyserNode(context, { fftSize: LEVEL_SAMPLES });
    this.microphone = stream?.getAudioTracks()[0] ?? null;
    if (stream !== null) this.#listen(stream);
    if (options.carriesSound) this.#startSpeaker();
    this.#output.connect(context.destination);
    this.resume();
  }

  get isBlocked(): boolean {
    return this.#context.state !== "running";
  }

  play(part: SpokenPart, samples: Int16Array): boolean {
    if (this.#ledger.queuedMs >= this.#options.mostMs) return false;
    const piece = fromPcm(this.#toDevice.push(samples));
    this.#ledger.handed(part, piece.length);
    this.#tell({ samples: piece }, [piece.buffer]);
    return true;
  }

  endOfSound(): void {
    this.#tell({ end: true });
  }

  stop(): { part: SpokenPart; heardMs: number } | null {
    // What the device still holds was counted as played, and not heard.
    const lateMs = (this.#context.outputLatency || this.#context.baseLatency || 0) * 1_000;
    const cut = this.#ledger.current(lateMs);
    this.#ledger.clear();
    this.#generation += 1;
    this.#tell({ generation: this.#generation });
    return cut;
  }

  playStream(stream: MediaStream): void {
    this.#remote?.disconnect();
    this.#element ??= new Audio();
    this.#element.muted = true;
    this.#element.srcObject = stream;
    this.#remote = new MediaStreamAudioSourceNode(this.#context, { mediaStream: stream });
    this.#remote.connect(this.#output);
  }

  mute(isMuted: boolean): void {
    if (this.microphone !== null) this.microphone.enabled = !isMuted;
  }

  levels(): { input: number; output: number } {
    return { input: this.#level(this.#input), output: this.#level(this.#output) };
  }

  resume(): void {
    // It stays pending for as long as the page may not play.
    if (this.#context.state !== "running") this.#context.resume().catch(() => {});
  }

  async close(): Promise<void> {
    this.microphone?.removeEventListener("ended", this.#lost);
    this.microphone?.stop();
    if (this.#element !== null) this.#element.srcObject = null;
    if (this.#context.state !== "closed") await this.#context.close();
  }

  #listen(stream: MediaStream): void {
    const source = new MediaStreamAudioSourceNode(this.#context, { mediaStream: stream });
    source.connect(this.#input);
    this.microphone?.addEventListener("ended", this.#lost);
    if (!this.#options.carriesSound) return;
    const node = new AudioWorkletNode(this.#context, MICROPHONE_PROCESSOR, { outputChannelCount: [1] });
    node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
      for (const frame of this.#frames.push(data)) this.#listener.frame(frame);
    };
    // It puts out silence; what leads nowhere is not run by every browser.
    source.connect(node).connect(this.#context.destination);
  }

  readonly #lost = () => this.#listener.lost(faultOf("lost"));

  #startSpeaker(): void {
    const leadSamples = Math.round((this.#options.leadMs * this.#context.sampleRate) / 1_000);
    const node = new AudioWorkletNode(this.#context, SPEAKER_PROCESSOR, {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { leadSamples },
    });
    node.port.onmessage = ({ data }: MessageEvent<SpeakerReport>) => {
      // It had not heard yet that it was to stop.
      if (data.generation !== this.#generation) return;
      const wasEmpty = this.#ledger.isEmpty;
      this.#ledger.playedTo(data.played);
      if (!wasEmpty && this.#ledger.isEmpty) this.#listener.silent();
    };
    node.connect(this.#output);
    this.#speaker = node;
  }

  #tell(message: SpeakerMessage, transfer: Transferable[] = []): void {
    this.#speaker?.port.postMessage(message, transfer);
  }

  #level(analyser: AnalyserNode): number {
    analyser.getFloatTimeDomainData(this.#scratch);
    const sum = this.#scratch.reduce((total, sample) => total + sample * sample, 0);
    return Math.sqrt(sum / this.#scratch.length);
  }
}
