/** A realtime connection for voice that needs no gateway: in the place of a `WebSocket` to `/v1/realtime`. */

import { REALTIME_PROTOCOL, type RealtimeEvent } from "../../protocol/realtime.ts";
import { type ClientClock, systemTimers } from "../clock.ts";
import { type MockAnswer, MockVoiceSession } from "./mock-voice-session.ts";

export type MockRealtimeSocketOptions = {
  /** A clock that a test moves. Default: the system's. */
  clock?: ClientClock | undefined;
};

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/**
 * A session that answers every turn with `script`ed answers, else with one of its own. It opens a turn of the clock after it was made. The
 * members of a browser's socket that programs use are here, as listeners and as `on…` properties.
 */
export class MockRealtimeSocket extends EventTarget {
  readonly url: string;
  /** As the gateway answers it: never the key. */
  readonly protocol = REALTIME_PROTOCOL;
  readonly extensions = "";
  readonly bufferedAmount = 0;
  binaryType: BinaryType = "blob";
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  /** What the program sent, in order. Sound is kept too. */
  readonly sent: RealtimeEvent[] = [];
  readonly #clock: ClientClock;
  readonly #session: MockVoiceSession;
  #readyState: 0 | 1 | 3 = CONNECTING;

  constructor(
    url: string | URL,
    _protocols: string | string[] = [],
    { clock = systemTimers }: MockRealtimeSocketOptions = {},
  ) {
    super();
    this.url = String(url);
    this.#clock = clock;
    const model = new URL(this.url).searchParams.get("model");
    this.#session = new MockVoiceSession(clock, model, (event) => this.#deliver(event));
    clock.after(0, () => {
      if (this.#readyState !== CONNECTING) return;
      this.#readyState = OPEN;
      this.#dispatch(new Event("open"));
      this.#session.begin();
    });
  }

  get readyState(): 0 | 1 | 3 {
    return this.#readyState;
  }

  /** An event as JSON, or sound as bytes. Answered a turn of the clock later, as over a network. */
  send(data: string | ArrayBufferLike | ArrayBufferView | Blob): void {
    if (this.#readyState === CONNECTING)
      throw new DOMException("The socket is not open yet.", "InvalidStateError");
    if (this.#readyState === CLOSED) return;
    const event: RealtimeEvent | null =
      typeof data === "string" ? eventOfText(data) : { type: "input_audio_buffer.append" };
    if (event !== null) this.sent.push(event);
    this.#clock.after(0, () => {
      if (this.#readyState !== OPEN) return;
      if (event === null) this.#session.fail("invalid_event", "Expected a JSON object with a type.");
      else this.#session.heard(event);
    });
  }

  close(code = 1005, reason = ""): void {
    this.drop(code, reason);
  }

  /** What the session answers next, one each; then the usual again. */
  script(...answers: MockAnswer[]): void {
    this.#session.script(answers);
  }

  /** As if the user had said this and stopped. */
  userSays(text: string): void {
    this.#session.userSays(text);
  }

  /** The session reports an error and goes on. */
  fail(code: string, message: string): void {
    this.#session.fail(code, message);
  }

  /** Tells the program an event of the test's own. */
  say(event: RealtimeEvent): void {
    this.#deliver(event);
  }

  /** The connection ends, as the gateway or the network ends it. */
  drop(code = 1006, reason = ""): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSED;
    this.#session.stop();
    const ended = Object.assign(new Event("close"), { code, reason, wasClean: code !== 1006 });
    this.#clock.after(0, () => this.#dispatch(ended));
  }

  #deliver(event: RealtimeEvent): void {
    if (this.#readyState === OPEN)
      this.#dispatch(new MessageEvent("message", { data: JSON.stringify(event) }));
  }

  #dispatch(event: Event): void {
    const { onopen, onmessage, onclose, onerror } = this;
    const handlers: Readonly<Record<string, ((event: never) => void) | null>> = {
      open: onopen,
      message: onmessage,
      close: onclose,
      error: onerror,
    };
    handlers[event.type]?.(event as never);
    this.dispatchEvent(event);
  }
}

function eventOfText(text: string): RealtimeEvent | null {
  try {
    const event = JSON.parse(text) as Partial<RealtimeEvent> | null;
    return typeof event?.type === "string" ? (event as RealtimeEvent) : null;
  } catch {
    return null;
  }
}
