/** WebSockets under Deno: the upgrade, and `Carrier` between Deno's socket and its handler. */

import { CLOSE_TRY_AGAIN } from "../../protocol/close-codes.ts";
import type { CloseNote } from "../../sockets/dialer.ts";
import type { Frame } from "../../sockets/frame.ts";
import type { Socket, SocketHandler, SocketUpgrade, UpgradeAnswer } from "../../sockets/socket-upgrade.ts";

/**
 * Unsent bytes at which a socket is closed: a last limit, for what rooms, which close slow subscribers by their own
 * rules, do not catch. Deno would buffer without a bound. It cannot cut a socket either: one whose client never reads
 * stays open behind the close, and keeps its place among the connections its key may have, until TCP ends it.
 */
const BACKPRESSURE_BYTES = 1_048_576;
/** Unsent bytes from which `drained` is called later; below the size at which streams pause. */
const WAITING_BYTES = 16_384;
/** Deno has no event for a drained socket: one that had to wait is polled this often, ms. */
const DRAIN_CHECK_MS = 20;
/** A peer that answers no ping for this long is gone. Deno sends the pings by itself. */
const IDLE_SECONDS = 60;
/** The only version there is (RFC 6455). */
const WEBSOCKET_VERSION = "13";
const HANDSHAKE_KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

export class DenoSockets implements SocketUpgrade {
  readonly #upgrades = new WeakMap<Request, Response>();

  upgrade(request: Request, handler: SocketHandler, answer: UpgradeAnswer): Response | null {
    if (!isWholeHandshake(request)) return null;
    const { protocol } = answer;
    let upgraded: { socket: WebSocket; response: Response };
    try {
      upgraded = Deno.upgradeWebSocket(request, {
        idleTimeout: IDLE_SECONDS,
        ...(protocol !== null && { protocol }),
      });
    } catch {
      return null;
    }
    for (const [name, value] of Object.entries(answer.headers)) upgraded.response.headers.set(name, value);
    new Carrier(upgraded.socket, handler);
    // Deno knows its own response only, and routes may copy what they return. Its status, 101, tells them that the
    // request cannot be read any more.
    this.#upgrades.set(request, upgraded.response);
    return upgraded.response;
  }

  /** What Deno has to be answered for a request that became a socket; null for any other. */
  upgradeOf(request: Request): Response | null {
    return this.#upgrades.get(request) ?? null;
  }
}

/** What Deno does not look at: the version, and that the key is 16 bytes in base64. */
function isWholeHandshake({ headers }: Request): boolean {
  return (
    headers.get("sec-websocket-version") === WEBSOCKET_VERSION &&
    HANDSHAKE_KEY.test(headers.get("sec-websocket-key") ?? "")
  );
}

/** Between Deno's socket and a handler. */
class Carrier implements Socket {
  readonly topics = null;
  readonly #native: WebSocket;
  readonly #handler: SocketHandler;
  #draining: ReturnType<typeof setTimeout> | null = null;

  constructor(native: WebSocket, handler: SocketHandler) {
    this.#native = native;
    this.#handler = handler;
    native.binaryType = "arraybuffer";
    native.onopen = () => handler.opened(this);
    native.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
      handler.received(typeof data === "string" ? data : new Uint8Array(data));
    native.onclose = ({ code, reason }: CloseEvent) => this.#closed({ code, reason });
  }

  send(frame: Frame): void {
    if (this.#native.readyState !== WebSocket.OPEN) return;
    this.#native.send(frame);
    const waiting = this.#native.bufferedAmount;
    if (waiting > BACKPRESSURE_BYTES) this.close(CLOSE_TRY_AGAIN, "messages were read too slowly; reconnect");
    else if (waiting > WAITING_BYTES) this.#tellWhenDrained();
  }

  bufferedBytes(): number {
    return this.#native.bufferedAmount;
  }

  close(code: number, reason: string): void {
    this.#native.close(code, reason);
  }

  #tellWhenDrained(): void {
    this.#draining ??= setTimeout(() => {
      this.#draining = null;
      if (this.#native.bufferedAmount > WAITING_BYTES) this.#tellWhenDrained();
      else this.#handler.drained?.();
    }, DRAIN_CHECK_MS);
  }

  #closed(close: CloseNote): void {
    if (this.#draining !== null) clearTimeout(this.#draining);
    this.#handler.closed(close);
  }
}
