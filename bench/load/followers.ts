/**
 * A crowd of WebSocket followers in one process: raw sockets that walk the frames and sample latencies. Events carry their
 * number and the moment they were due: every follower checks that numbers rise without a hole. A hub's `TaskProgress` carries
 * neither, so the nth push is taken for the nth offered; one that was lost makes those behind it look later, never sooner.
 *
 * Hears `connect` {port, path, headers, protocol, payload, taskId, count, stalled}, `window` {startsAt, perSecond}, `stop`; says
 * `connected`, `window`, `stopped`.
 */

import type { Socket } from "bun";
import { hear, say } from "../harness/child.ts";
import type { Payload } from "../harness/hub-payload.ts";
import { machineNow } from "../harness/offered-rate.ts";
import { Histogram, round } from "../harness/statistics.ts";
import {
  binaryFrame,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_PING,
  OPCODE_TEXT,
  openingRequest,
  pongFrame,
  readFrames,
  textFrame,
} from "./frames.ts";
import { countPushes, greetHub, SOCKET_IO_CONNECT } from "./hub-wire.ts";

export type Crowd = {
  port: number;
  path: string;
  headers: Record<string, string>;
  protocol: "plain" | "socket.io" | "hub";
  payload: Payload;
  /** Of a hub: the task to subscribe to. */
  taskId?: string;
  count: number;
  /** This many followers more connect and then never read. */
  stalled: number;
};

/** From when on and how often events are offered, on the machine's clock in ms. */
export type Pace = { startsAt: number; perSecond: number };

export type Window = {
  /** Progress events received by all followers since the window before. */
  delivered: number;
  /** Sequence numbers that some follower never saw, though it saw a later one. */
  gaps: number;
  /** Followers whose connection ended. */
  closed: number;
  /** When the last event came, on the machine's clock in ms. */
  lastAt: number;
  latency: ReturnType<Histogram["summary"]>;
  /** 1 = this process used its whole core since the window before, so the rate is a lower bound for the server. */
  loadCpu: number;
};

/** How many connections are being opened at once: within every server's accept queue. */
const OPENING_AT_ONCE = 100;
/** One event in this many has its latency read; a prime, so that sampling does not follow the crowd's order. */
const SAMPLE_EVERY = 13;
const HEAD_END = "\r\n\r\n";
const SEQ_FIELD = '"seq":';
const MESSAGE_FIELD = '"type":"progress"';
const SENT_FIELD = '"message":"';
const DIGIT_ZERO = 48;
const QUOTE = 0x22;

type Follower = {
  crowd: Crowd;
  open: boolean;
  pending: Buffer | null;
  /** Number of the last event; of hub pushes: how many came in this step. */
  seq: number;
  /** Of a hub: the snapshot has come. */
  following: boolean;
  opened: () => void;
  refused: (why: Error) => void;
};

const READERS = { plain: readPlain, "socket.io": readSocketIo, hub: readHub } as const;
const sockets: Socket<Follower>[] = [];
let histogram = new Histogram();
let delivered = 0;
let gaps = 0;
let closed = 0;
let lastAt = 0;
let sample = 0;
let cpu = process.cpuUsage();
let windowAt = machineNow();
let pace: Pace = { startsAt: windowAt, perSecond: 1 };

hear(async (command) => {
  if (command.type === "connect") {
    const crowd = command as unknown as Crowd;
    for (let made = 0; made < crowd.count; made += OPENING_AT_ONCE) {
      const batch = Math.min(OPENING_AT_ONCE, crowd.count - made);
      await Promise.all(Array.from({ length: batch }, () => follow(crowd)));
    }
    for (let made = 0; made < crowd.stalled; made += 1) (await follow(crowd)).pause();
    say("connected", { count: sockets.length });
  } else if (command.type === "window") {
    say("window", closeWindow());
    if (command.startsAt !== undefined) beginStep(command as unknown as Pace);
  } else if (command.type === "stop") {
    for (const socket of sockets.splice(0)) socket.terminate();
    say("stopped");
  }
});
say("ready");

function closeWindow(): Window {
  const used = process.cpuUsage(cpu);
  const now = machineNow();
  const window: Window = {
    delivered,
    gaps,
    closed,
    lastAt,
    latency: histogram.summary(),
    loadCpu: round((used.user + used.system) / 1000 / (now - windowAt), 2),
  };
  histogram = new Histogram();
  delivered = 0;
  gaps = 0;
  cpu = process.cpuUsage();
  windowAt = now;
  return window;
}

function beginStep(next: Pace): void {
  pace = next;
  for (const { data } of sockets) if (data.crowd.payload !== "event") data.seq = 0;
}

async function follow(crowd: Crowd): Promise<Socket<Follower>> {
  const opened = Promise.withResolvers<void>();
  const socket = await Bun.connect<Follower>({
    hostname: "127.0.0.1",
    port: crowd.port,
    data: {
      crowd,
      open: false,
      pending: null,
      seq: 0,
      following: false,
      opened: opened.resolve,
      refused: opened.reject,
    },
    socket: {
      open: (self) => void self.write(openingRequest(crowd.port, crowd.path, crowd.headers)),
      data: READERS[crowd.protocol],
      close(self) {
        closed += 1;
        self.data.refused(new Error("the server closed a follower's connection"));
      },
      error(self, error) {
        self.data.refused(error);
      },
    },
  });
  await opened.promise;
  sockets.push(socket);
  return socket;
}

function readPlain(socket: Socket<Follower>, chunk: Buffer): void {
  const bytes = afterHead(socket, chunk);
  if (bytes === null) return;
  if (socket.data.open) socket.data.opened();
  const { payload } = socket.data.crowd;
  keepRest(
    socket,
    bytes,
    readFrames(bytes, (opcode, start, end) => {
      if (payload !== "event" && (opcode === OPCODE_TEXT || opcode === OPCODE_BINARY))
        hearPushes(socket.data, countPushes(payload, bytes, start, end));
      else if (opcode === OPCODE_TEXT) hearText(socket.data, bytes, start, end);
      else answerControl(socket, opcode, bytes.subarray(start, end));
    }),
  );
}

/** A SignalR client's beginning: the handshake and the subscription in one go; the snapshot says that it follows. */
function readHub(socket: Socket<Follower>, chunk: Buffer): void {
  const { data } = socket;
  const { payload, taskId = "" } = data.crowd;
  if (payload === "event") throw new Error("a hub sends pushes, not events");
  const wasOpen = data.open;
  const bytes = afterHead(socket, chunk);
  if (bytes === null) return;
  if (!wasOpen) socket.write(greetHub(payload, taskId));
  keepRest(
    socket,
    bytes,
    readFrames(bytes, (opcode, start, end) => {
      if (opcode !== OPCODE_TEXT && opcode !== OPCODE_BINARY)
        return answerControl(socket, opcode, bytes.subarray(start, end));
      const pushes = countPushes(payload, bytes, start, end);
      if (data.following) hearPushes(data, pushes);
      else if (pushes > 0) {
        data.following = true;
        data.opened();
      }
    }),
  );
}

/** Engine.IO's open and ping packets and Socket.IO's connect packet need an answer; events are `42[name,payload]`. */
function readSocketIo(socket: Socket<Follower>, chunk: Buffer): void {
  const bytes = afterHead(socket, chunk);
  if (bytes === null) return;
  keepRest(
    socket,
    bytes,
    readFrames(bytes, (opcode, start, end) => {
      if (opcode === OPCODE_BINARY) return hearSocketIoBinary(socket.data);
      if (opcode !== OPCODE_TEXT) return answerControl(socket, opcode, bytes.subarray(start, end));
      const kind = bytes.toString("latin1", start, start + 2);
      const { payload } = socket.data.crowd;
      if (kind === "42" && payload === "event") hearText(socket.data, bytes, start, end);
      else if (kind === "42") hearPushes(socket.data, 1);
      else if (kind === "40") socket.data.opened();
      else if (kind.startsWith("0"))
        socket.write(payload === "messagepack" ? binaryFrame(SOCKET_IO_CONNECT) : textFrame("40"));
      else if (kind.startsWith("2")) socket.write(textFrame("3"));
    }),
  );
}

/** With the MessagePack parser the first packet answers the connect packet, every other one is an event. */
function hearSocketIoBinary(follower: Follower): void {
  if (follower.following) {
    hearPushes(follower, 1);
    return;
  }
  follower.following = true;
  follower.opened();
}

/** Of several in one frame the first is the oldest: its latency is read. */
function hearPushes(follower: Follower, count: number): void {
  const before = follower.seq;
  delivered += count;
  follower.seq += count;
  sample += count;
  if (sample < SAMPLE_EVERY) return;
  sample = 0;
  lastAt = machineNow();
  histogram.record(lastAt - (pace.startsAt + (before * 1000) / pace.perSecond));
}

function hearText(follower: Follower, bytes: Buffer, start: number, end: number): void {
  const kind = bytes.indexOf(MESSAGE_FIELD, start);
  if (kind < 0 || kind >= end) return;
  delivered += 1;
  const seq = readNumber(bytes, bytes.lastIndexOf(SEQ_FIELD, kind) + SEQ_FIELD.length);
  if (follower.seq > 0 && seq !== follower.seq + 1) gaps += Math.abs(seq - follower.seq - 1);
  follower.seq = seq;
  sample += 1;
  if (sample < SAMPLE_EVERY) return;
  sample = 0;
  lastAt = machineNow();
  const sent = bytes.indexOf(SENT_FIELD, kind) + SENT_FIELD.length;
  histogram.record(lastAt - Number(bytes.toString("latin1", sent, bytes.indexOf(QUOTE, sent))));
}

function answerControl(socket: Socket<Follower>, opcode: number, payload: Buffer): void {
  if (opcode === OPCODE_PING) socket.write(pongFrame(Buffer.from(payload)));
  if (opcode === OPCODE_CLOSE) socket.end();
}

/** The bytes behind the answer to the upgrade, or null while that is incomplete. */
function afterHead(socket: Socket<Follower>, chunk: Buffer): Buffer | null {
  const follower = socket.data;
  const bytes = follower.pending === null ? chunk : Buffer.concat([follower.pending, chunk]);
  follower.pending = null;
  if (follower.open) return bytes;
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) {
    follower.pending = Buffer.from(bytes);
    return null;
  }
  const status = bytes.toString("latin1", 0, "HTTP/1.1 101".length);
  if (status !== "HTTP/1.1 101") {
    follower.refused(
      new Error(`expected HTTP/1.1 101 for a follower, got: ${bytes.toString("latin1").slice(0, 400)}`),
    );
    return null;
  }
  follower.open = true;
  return bytes.subarray(headEnd + HEAD_END.length);
}

function keepRest(socket: Socket<Follower>, bytes: Buffer, used: number): void {
  if (used < bytes.length) socket.data.pending = Buffer.from(bytes.subarray(used));
}

function readNumber(bytes: Buffer, at: number): number {
  let value = 0;
  for (let index = at; ; index += 1) {
    const digit = (bytes[index] ?? 0) - DIGIT_ZERO;
    if (digit < 0 || digit > 9) return value;
    value = value * 10 + digit;
  }
}
