/**
 * The program of the page's audio thread: a microphone that posts its samples, and a speaker that plays what it is posted. As a text,
 * because a worklet is a file of its own: a page loads it from a `Blob`, or from the package's `voice/worklet.js` where its
 * Content-Security-Policy admits no blob.
 */

export const MICROPHONE_PROCESSOR = "conduit-microphone";
export const SPEAKER_PROCESSOR = "conduit-speaker";

/** To the speaker: samples to play; or to forget what it has (`generation` counts how often); or that no more will come for now. */
export type SpeakerMessage =
  | { readonly samples: Float32Array }
  | { readonly generation: number }
  | { readonly end: true };
/** From the speaker: how much it has played since it last forgot, in samples. */
export type SpeakerReport = { readonly played: number; readonly generation: number };

export const WORKLET_TEXT = `
const BLOCKS_PER_PIECE = 4;

registerProcessor("${MICROPHONE_PROCESSOR}", class extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = [];
  }

  process([[channel]]) {
    if (!channel) return true;
    this.piece.push(channel.slice());
    if (this.piece.length < BLOCKS_PER_PIECE) return true;
    const samples = new Float32Array(this.piece.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of this.piece) {
      samples.set(block, at);
      at += block.length;
    }
    this.piece = [];
    this.port.postMessage(samples, [samples.buffer]);
    return true;
  }
});

registerProcessor("${SPEAKER_PROCESSOR}", class extends AudioWorkletProcessor {
  constructor({ processorOptions: { leadSamples } }) {
    super();
    this.leadSamples = leadSamples;
    this.forget(0);
    this.port.onmessage = ({ data }) => {
      if (data.samples) {
        this.queue.push(data.samples);
        this.queued += data.samples.length;
        this.ended = false;
      } else if (data.end) this.ended = true;
      else {
        this.forget(data.generation);
        this.report();
      }
    };
  }

  forget(generation) {
    this.generation = generation;
    this.queue = [];
    this.offset = 0;
    this.queued = 0;
    this.played = 0;
    this.reported = 0;
    this.ended = false;
    this.playing = false;
  }

  report() {
    this.reported = this.played;
    this.port.postMessage({ played: this.played, generation: this.generation });
  }

  process(inputs, [[channel]]) {
    if (!channel) return true;
    // A little is waited for, so that what comes unevenly is heard evenly.
    if (!this.playing) this.playing = this.queued > 0 && (this.ended || this.queued >= this.leadSamples);
    let at = 0;
    while (this.playing && at < channel.length && this.queue.length > 0) {
      const piece = this.queue[0];
      const part = piece.subarray(this.offset, this.offset + channel.length - at);
      channel.set(part, at);
      at += part.length;
      this.offset += part.length;
      if (this.offset < piece.length) continue;
      this.queue.shift();
      this.offset = 0;
    }
    this.queued -= at;
    this.played += at;
    const ranDry = this.playing && this.queued === 0;
    if (ranDry) this.playing = false;
    if (this.played > this.reported && (ranDry || this.played - this.reported >= sampleRate / 50)) this.report();
    return true;
  }
});
`;
