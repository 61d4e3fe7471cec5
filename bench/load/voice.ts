/**
 * Callers of voice sessions.
 *
 * Hears `talk` {url, headers, sessions, warmUpSeconds, seconds, inOrder}: 50 pieces of sound a second and session, each awaited as a piece of
 * the answer; says `measuring` when the warm-up is over, and `talked`. Hears `open` {url, headers, opens, atOnce}: sessions that the
 * provider ends by itself; says `opened`. Hears `hold` {url, headers, sessions}: opens them; says `holding`. Hears `release`; says `released`.
 */

import { hear, say } from "../harness/child.ts";
import { Histogram, type LatencySummary, round } from "../harness/statistics.ts";

export type VoiceTarget = { url: string; headers: Record<string, string> };
export type VoiceTalk = VoiceTarget & {
  sessions: number;
  warmUpSeconds: number;
  seconds: number;
  /** Whether the answer is the same sound, so that its number can be looked at. */
  inOrder: boolean;
};
export type VoiceTalked = {
  /** From the moment a piece is sent until its echo is there. */
  latency: LatencySummary;
  /** Messages with sound, both directions. */
  frames: number;
  /** Pieces without an echo at the end, beyond those on their way. */
  missing: number;
  misplaced: number;
  closed: number;
  loadCpu: number;
};
export type VoiceOpened = {
  /** Sessions whose first, and whose last event arrived. */
  first: number;
  last: number;
  /** Sessions that got all events, in order. */
  whole: number;
  /** Sessions that ended by an `error` event. */
  errors: Record<string, number>;
  closes: Record<string, number>;
  /** The longest from the open to the close. */
  longestMs: number;
  perSecond: number;
};

/** What Bun takes besides what the standard has. */
type SocketOptions = { headers: Record<string, string>; perMessageDeflate: boolean };
type SocketConstructor = new (url: string, options: SocketOptions) => WebSocket;
const Socket = WebSocket as unknown as SocketConstructor;
/** Some peers compress for whoever offers it, and sound gains nothing from it. */
const COMPRESSION = { perMessageDeflate: false };

const FRAME_MS = 20;
/** Base64 of 20 ms of PCM at 24 kHz; the first of them are the piece's number. */
const CHARACTERS = 1_280;
const NUMBER_CHARACTERS = 8;
const HEAD = '{"type":"input_audio_buffer.append","audio":"';
const TAIL = `${"A".repeat(CHARACTERS - NUMBER_CHARACTERS)}"}`;
const DELTA = '"response.output_audio.delta"';
const DELTA_FIELD = '"delta":';
/** How far into a message its type is looked for. */
const TYPE_CHARACTERS = 100;
/** Pieces of a session that may be on their way: more than 80 s of sound. */
const RING = 4_096;
const TICK_MS = 1;
/** Sessions begin one after the other within the first second, so that their responses do not all end in one moment. */
const PIECES_OF_A_SECOND = 1_000 / FRAME_MS;
/** A session that is not over by then never will be. */
const OPEN_MS = 10_000;
const SETTLE_MS = 1_000;

const held: WebSocket[] = [];
let dropped = 0;

hear(async (command) => {
  if (command.type === "talk") say("talked", await talk(command as unknown as VoiceTalk));
  else if (command.type === "open") say("opened", await open(command as unknown as OpenRun));
  else if (command.type === "hold") {
    const { sessions, ...target } = command as unknown as VoiceTarget & { sessions: number };
    for (const socket of await connectAll(target, sessions)) {
      socket.onclose = () => {
        dropped += 1;
      };
      held.push(socket);
    }
    say("holding");
  } else if (command.type === "release") {
    say("released", { dropped });
    dropped = 0;
    for (const socket of held.splice(0)) {
      socket.onclose = null;
      socket.close();
    }
  }
});
say("ready");

async function talk({
  sessions,
  warmUpSeconds,
  seconds,
  inOrder,
  ...target
}: VoiceTalk): Promise<VoiceTalked> {
  const sockets = await connectAll(target, sessions);
  const sentAt = sockets.map(() => new Float64Array(RING));
  const sent = new Uint32Array(sessions);
  const received = new Uint32Array(sessions);
  let histogram = new Histogram();
  let frames = 0;
  let misplaced = 0;
  let closed = 0;
  let running = true;
  sockets.forEach((socket, index) => {
    const times = sentAt[index] as Float64Array;
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      const type = data.indexOf(DELTA);
      if (type < 0 || type > TYPE_CHARACTERS) return;
      const number = received[index] as number;
      received[index] = number + 1;
      frames += 1;
      histogram.record(performance.now() - (times[number % RING] as number));
      if (inOrder && numberOf(data) !== number) misplaced += 1;
    };
    socket.onclose = () => {
      if (running) closed += 1;
    };
  });

  const startedAt = performance.now();
  let next = 0;
  const beat = setInterval(() => {
    const now = performance.now();
    // The sessions' pieces are spread evenly over the 20 ms.
    for (; startedAt + (next * FRAME_MS) / sessions <= now; next += 1) {
      const index = next % sessions;
      if (next < index * PIECES_OF_A_SECOND) continue;
      const number = sent[index] as number;
      sent[index] = number + 1;
      frames += 1;
      (sentAt[index] as Float64Array)[number % RING] = performance.now();
      sockets[index]?.send(HEAD + String(number).padStart(NUMBER_CHARACTERS, "0") + TAIL);
    }
  }, TICK_MS);
  await Bun.sleep(warmUpSeconds * 1_000);
  histogram = new Histogram();
  frames = 0;
  const cpuBefore = process.cpuUsage();
  const measuredFrom = performance.now();
  say("measuring");
  await Bun.sleep(seconds * 1_000);
  const latency = histogram.summary();
  const counted = frames;
  const cpu = process.cpuUsage(cpuBefore);
  const elapsedMs = performance.now() - measuredFrom;
  clearInterval(beat);
  say("measured");
  await Bun.sleep(SETTLE_MS);
  running = false;
  for (const socket of sockets) socket.close();
  return {
    latency,
    frames: counted,
    missing: sum(sent) - sum(received),
    misplaced,
    closed,
    loadCpu: round((cpu.user + cpu.system) / 1_000 / elapsedMs, 2),
  };
}

type OpenRun = VoiceTarget & { opens: number; atOnce: number };

async function open({ opens, atOnce, ...target }: OpenRun): Promise<VoiceOpened> {
  const result: VoiceOpened = {
    first: 0,
    last: 0,
    whole: 0,
    errors: {},
    closes: {},
    longestMs: 0,
    perSecond: 0,
  };
  const startedAt = performance.now();
  let left = opens;
  const caller = async () => {
    while (left > 0) {
      left -= 1;
      await openOne(target, result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
  result.perSecond = Math.round(opens / ((performance.now() - startedAt) / 1_000));
  return result;
}

type SeenEvent = { type: string; index?: number; of?: number; error?: { code?: string } };

/** Opens one, and waits until it is closed. */
function openOne({ url, headers }: VoiceTarget, result: VoiceOpened): Promise<void> {
  const startedAt = performance.now();
  const socket = new Socket(url, { ...COMPRESSION, headers });
  let events = 0;
  let of = 0;
  let inOrder = true;
  socket.onmessage = ({ data }: MessageEvent<string>) => {
    const event = JSON.parse(data) as SeenEvent;
    if (event.type === "error") count(result.errors, event.error?.code ?? "none");
    else if (event.type === "session.created") result.first += 1;
    else if (event.type === "bench.event") {
      events += 1;
      of = event.of ?? 0;
      if (event.index !== events) inOrder = false;
      if (event.index === of) result.last += 1;
    }
  };
  return new Promise((resolve) => {
    const limit = setTimeout(() => socket.close(), OPEN_MS);
    socket.onclose = ({ code }) => {
      clearTimeout(limit);
      if (of > 0 && events === of && inOrder) result.whole += 1;
      count(result.closes, String(code));
      result.longestMs = Math.max(result.longestMs, round(performance.now() - startedAt, 1));
      resolve();
    };
  });
}

/** Opens sessions, some at a time, and waits for the first event of each. */
async function connectAll(target: VoiceTarget, sessions: number): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  const atOnce = 50;
  while (sockets.length < sessions) {
    const some = Math.min(atOnce, sessions - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: some }, () => connect(target)))));
  }
  return sockets;
}

function connect({ url, headers }: VoiceTarget): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new Socket(url, { ...COMPRESSION, headers });
    // Not every gateway hands on the first event.
    socket.onopen = () => resolve(socket);
    socket.onerror = (event) =>
      reject(new Error((event as Event & { message?: string }).message ?? "no socket"));
  });
}

function numberOf(text: string): number {
  // Who writes the event anew may put a space before the value.
  const start = text.indexOf('"', text.indexOf(DELTA_FIELD) + DELTA_FIELD.length) + 1;
  return Number(text.slice(start, start + NUMBER_CHARACTERS));
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function sum(values: Uint32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
