/** Just enough WebSocket (RFC 6455) for a client that counts: the opening request, server frames in, small frames out. */

const FIN_TEXT = 0x81;
const FIN_BINARY = 0x82;
const FIN_PONG = 0x8a;
const OPCODE = 0x0f;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

export const OPCODE_TEXT = 0x1;
export const OPCODE_BINARY = 0x2;
export const OPCODE_CLOSE = 0x8;
export const OPCODE_PING = 0x9;

/** The request that asks for the upgrade. Every connection sends the same nonce: nothing here is a secret. */
export function openingRequest(port: number, path: string, headers: Record<string, string>): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: Y29uZHVpdC1iZW5jaC1mbw==",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "",
    "",
  ];
  return lines.join("\r\n");
}

/** A text of at most 125 bytes as a client frame, masked with zeros as the standard permits any mask. */
export function textFrame(text: string): Buffer {
  return clientFrame(FIN_TEXT, Buffer.from(text));
}

/** At most 125 bytes as a client frame. */
export function binaryFrame(bytes: Uint8Array): Buffer {
  return clientFrame(FIN_BINARY, Buffer.from(bytes));
}

export function pongFrame(payload: Buffer): Buffer {
  return clientFrame(FIN_PONG, payload);
}

/**
 * Hands every whole frame in `bytes` to `each` as (opcode, start and end of the payload); answers how many bytes were used.
 * Servers here never fragment a message.
 */
export function readFrames(
  bytes: Buffer,
  each: (opcode: number, start: number, end: number) => void,
): number {
  let at = 0;
  while (at + 2 <= bytes.length) {
    let length = (bytes[at + 1] as number) & ~MASKED;
    let start = at + 2;
    if (length === LENGTH_16) {
      if (at + 4 > bytes.length) break;
      length = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
      start = at + 4;
    } else if (length === LENGTH_64) {
      if (at + 10 > bytes.length) break;
      length = Number(bytes.readBigUInt64BE(at + 2));
      start = at + 10;
    }
    if (start + length > bytes.length) break;
    each((bytes[at] as number) & OPCODE, start, start + length);
    at = start + length;
  }
  return at;
}

function clientFrame(first: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([first, MASKED | payload.length, 0, 0, 0, 0]), payload]);
}
