/** One connection that is looked at, from its first request to its end. It is not opened again by itself. */

import { CLOSE_NORMAL } from "../../protocol/close-codes.ts";
import { closeMeaning } from "./close-meaning.ts";
import { EventBlocks } from "./event-blocks.ts";
import { MESSAGE_END } from "./frame-text.ts";
import type { TraceLog } from "./trace-log.ts";
import { followCall, type HubSource, isHub, streamPath, type TraceTarget } from "./trace-source.ts";

/** `text` says how it ended, with the close code where there is one. */
export type TraceEnd = { readonly text: string; readonly isFault: boolean };

export type TraceListener = {
  opened(): void;
  /** Once, unless `close` was called. */
  ended(end: TraceEnd): void;
};

export type TraceConnectionOptions = {
  readonly target: TraceTarget;
  readonly baseUrl: string;
  readonly virtualKey: string;
  readonly log: TraceLog;
  readonly listener: TraceListener;
};

const HANDSHAKE = { protocol: "json", version: 1 };
/** Of a negotiation's answer and of a refusal; both are short. */
const MOST_BODY_CHARACTERS = 100_000;

export class TraceConnection {
  readonly #options: TraceConnectionOptions;
  readonly #leaving = new AbortController();
  #socket: WebSocket | null = null;
  #calls = 0;
  #isOver = false;

  constructor(options: TraceConnectionOptions) {
    this.#options = options;
    options.log.hide(options.virtualKey);
  }

  /** Connects, and follows what the target names. Never rejects: what goes wrong is its end. */
  async open(): Promise<void> {
    const { source, taskId } = this.#options.target;
    try {
      if (isHub(source)) await this.#openHub(source);
      else await this.#readStream(streamPath(taskId));
    } catch (error) {
      this.#end(`The gateway cannot be reached: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Follows another task as well; over an open hub alone. */
  follow(taskId: string): void {
    this.#follow({ ...this.#options.target, taskId });
  }

  /** Again, and after the end, it does nothing. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.log.add("note", "Closed from here.");
    this.#leaving.abort();
    this.#socket?.close(CLOSE_NORMAL);
  }

  async #openHub(source: HubSource): Promise<void> {
    const { baseUrl, virtualKey, log, listener, target } = this.#options;
    const answer = await this.#request("POST", `/hubs/${source}/negotiate?negotiateVersion=1`);
    if (this.#isOver) return;
    const body = (await answer.text()).slice(0, MOST_BODY_CHARACTERS);
    const { connectionToken: token } = jsonOf(body);
    // Who has it may speak over this connection.
    if (typeof token === "string") log.hide(token);
    log.add("in", `${answer.status} ${answer.statusText}\n${body}`);
    if (!answer.ok) return this.#end(refusalText(answer, body));
    if (typeof token !== "string") return this.#end("The answer to the negotiation names no connection.");
    if (this.#isOver) return;
    const address = new URL(`${baseUrl}/hubs/${source}`);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.search = String(new URLSearchParams({ id: token, access_token: virtualKey }));
    log.add("note", `GET ${address.pathname}, to become a WebSocket`);
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onopen = () => {
      if (this.#isOver) return socket.close(CLOSE_NORMAL);
      this.#send(HANDSHAKE);
    };
    let isAccepted = false;
    socket.onmessage = ({ data }) => {
      if (this.#isOver) return;
      log.add(
        "in",
        typeof data === "string" ? data : "A binary frame, which the JSON protocol does not have.",
      );
      if (isAccepted) return;
      // The answer to the handshake. One that refuses is followed by the close.
      isAccepted = true;
      if (typeof data === "string" && data.startsWith('{"error"')) return;
      listener.opened();
      this.#follow(target);
    };
    socket.onclose = ({ code, reason }) => {
      const said = reason === "" ? "" : ` "${reason}"`;
      this.#end(`Closed with ${code}${said}. ${closeMeaning(code)}`, code !== CLOSE_NORMAL);
    };
  }

  async #readStream(path: string): Promise<void> {
    const { log, listener } = this.#options;
    const answer = await this.#request("GET", path, { accept: "text/event-stream" });
    if (this.#isOver) return;
    const head = `${answer.status} ${answer.statusText}\ncontent-type: ${answer.headers.get("content-type")}`;
    if (!answer.ok || answer.body === null || answer.status === 204) {
      const body = (await answer.text()).slice(0, MOST_BODY_CHARACTERS);
      log.add("in", body === "" ? head : `${head}\n${body}`);
      if (answer.ok) return this.#end("There is nothing more to come: the task has ended.", false);
      return this.#end(refusalText(answer, body));
    }
    log.add("in", head);
    listener.opened();
    const blocks = new EventBlocks();
    const decoder = new TextDecoder();
    const reader = answer.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (this.#isOver) return;
      if (done) break;
      for (const block of blocks.feed(decoder.decode(value, { stream: true }))) log.add("in", block);
    }
    this.#end(
      "The stream has ended. After the last event of a task nothing comes; else connect again.",
      false,
    );
  }

  /** With the key, which is not shown. */
  #request(method: "GET" | "POST", path: string, headers: Record<string, string> = {}): Promise<Response> {
    const { baseUrl, virtualKey, log } = this.#options;
    const { pathname, search } = new URL(`${baseUrl}${path}`);
    const named = Object.entries(headers).map(([name, value]) => `\n${name}: ${value}`);
    log.add("out", `${method} ${pathname}${search}${named.join("")}`);
    return fetch(`${baseUrl}${path}`, {
      method,
      headers: { ...headers, authorization: `Bearer ${virtualKey}` },
      signal: this.#leaving.signal,
    });
  }

  #follow(target: TraceTarget): void {
    this.#calls += 1;
    const call = followCall(target, this.#calls);
    if (call !== null) this.#send(call);
  }

  #send(message: object): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const frame = `${JSON.stringify(message)}${MESSAGE_END}`;
    this.#socket.send(frame);
    this.#options.log.add("out", frame);
  }

  #end(text: string, isFault = true): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.log.add("note", text);
    this.#options.listener.ended({ text, isFault });
  }
}

function jsonOf(text: string): { [field: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as { [field: string]: unknown }) : {};
  } catch {
    return {};
  }
}

function refusalText({ status }: Response, body: string): string {
  const { message, code } = (jsonOf(body).error ?? {}) as { [field: string]: unknown };
  return typeof message === "string"
    ? `Refused with ${status}: ${code}: ${message}`
    : `Refused with ${status}.`;
}
