/** Just enough SignalR for clients that count: a handshake, one kind of call, and telling pushes and answers apart. */

import type { HubEncoding } from "../harness/hub-payload.ts";
import { binaryFrame, textFrame } from "./frames.ts";

const RECORD_END = "\x1e";
const RECORD_END_BYTE = 0x1e;
/** `{"type":` is what every message begins with. */
const JSON_TYPE_AT = 8;
const TYPE_INVOCATION = 1;
const TYPE_COMPLETION = 3;
const DIGIT_ZERO = 0x30;
const CONTINUES = 0x80;
const SEVEN_BITS = 0x7f;

/** `{type: 0, nsp: "/"}`: Socket.IO's connect packet under its MessagePack parser. */
export const SOCKET_IO_CONNECT = Uint8Array.from([0x82, ...text("type"), 0x00, ...text("nsp"), ...text("/")]);

/** Handshake and `SubscribeToTask` as two frames in one piece; nothing has to be waited for in between. */
export function greetHub(encoding: HubEncoding, taskId: string): Buffer {
  return Buffer.concat([shakeHands(encoding), callHub(encoding, "SubscribeToTask", taskId)]);
}

/** The handshake's frame, a text in either protocol. */
export function shakeHands(encoding: HubEncoding): Buffer {
  return textFrame(`{"protocol":"${encoding}","version":1}${RECORD_END}`);
}

/** A call with one text as its argument; the answer's id is always "1". */
export function callHub(encoding: HubEncoding, target: string, argument: string): Buffer {
  if (encoding === "json")
    return textFrame(
      `${JSON.stringify({ type: TYPE_INVOCATION, invocationId: "1", target, arguments: [argument] })}${RECORD_END}`,
    );
  const body = [0x95, TYPE_INVOCATION, 0x80, ...text("1"), ...text(target), 0x91, ...text(argument)];
  return binaryFrame(Uint8Array.from([body.length, ...body]));
}

/** How many calls of client methods lie between `start` and `end`. */
export function countPushes(encoding: HubEncoding, bytes: Buffer, start: number, end: number): number {
  return count(encoding, TYPE_INVOCATION, bytes, start, end);
}

/** How many answers to calls lie between `start` and `end`. */
export function countAnswers(encoding: HubEncoding, bytes: Buffer, start: number, end: number): number {
  return count(encoding, TYPE_COMPLETION, bytes, start, end);
}

function count(encoding: HubEncoding, type: number, bytes: Buffer, start: number, end: number): number {
  // The handshake's answer is `{}` and a record's end in either protocol, and neither's message.
  return encoding === "json" ? countRecords(type, bytes, start, end) : countBodies(type, bytes, start, end);
}

function countRecords(type: number, bytes: Buffer, start: number, end: number): number {
  let found = 0;
  for (let at = start; at < end; ) {
    const recordEnd = bytes.indexOf(RECORD_END_BYTE, at);
    if (recordEnd < 0 || recordEnd >= end) break;
    if (at + JSON_TYPE_AT < recordEnd && bytes[at + JSON_TYPE_AT] === DIGIT_ZERO + type) found += 1;
    at = recordEnd + 1;
  }
  return found;
}

function countBodies(type: number, bytes: Buffer, start: number, end: number): number {
  if (bytes[start] === 0x7b) return 0;
  let found = 0;
  for (let at = start; at < end; ) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] as number;
      length |= (byte & SEVEN_BITS) << shift;
      if ((byte & CONTINUES) === 0) break;
    }
    if (bytes[at + 1] === type) found += 1;
    at += length;
  }
  return found;
}

/** A short text as MessagePack writes it. */
function text(value: string): number[] {
  const bytes = [...Buffer.from(value)];
  return bytes.length < 32 ? [0xa0 | bytes.length, ...bytes] : [0xd9, bytes.length, ...bytes];
}
