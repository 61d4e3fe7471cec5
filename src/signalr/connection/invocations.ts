/**
 * Runs the calls of one client. Plain calls run one at a time, in order; streams and calls with uploads run beside
 * them. Nothing is queued here: a call that must wait is refused, and its connection reads no further until then.
 */

import type { Hub, HubCall, HubConnection, HubMethod } from "../hub.ts";
import { ProtocolError } from "../protocols/hub-protocol.ts";
import {
  type CancelInvocation,
  type Completion,
  type HubMessage,
  type Invocation,
  MessageType,
  type StreamInvocation,
  type StreamItem,
} from "../protocols/messages.ts";
import {
  errorText,
  HubError,
  idInUse,
  invocationFailed,
  methodFailed,
  notAStream,
  plainMethodStreamed,
  STREAM_FAILED,
  streamingMethodInvoked,
  UploadError,
  unauthorized,
} from "./invocation-errors.ts";
import { CANCELLED, ServerStream } from "./server-stream.ts";
import { UploadStream } from "./upload-stream.ts";

export type InvocationSettings = {
  /** Sends clients the text of every error, not only of `HubError`s. For development. */
  detailedErrors: boolean;
  /** Streams in both directions that one connection may have open; ASP.NET has no such limit. */
  maxStreams: number;
  /**
   * Items of one upload that wait for the method before the connection's reading stops. ASP.NET's
   * `StreamBufferCapacity`.
   */
  streamBufferItems: number;
  /** Takes errors that clients are not sent: for the log. MUST NOT throw. */
  report(error: unknown, during: string): void;
};

/** The connection a call came from. */
export interface InvocationOwner<P> {
  readonly connection: HubConnection<P>;
  /** Whether streams should pause until `drained`. */
  readonly congested: boolean;
  /** Writes a message; does nothing once the connection has ended. */
  send(message: HubMessage): void;
  /** Offers again what was refused. */
  proceed(): void;
}

type Call = Invocation | StreamInvocation;

type OpenStream = { readonly call: Call; readonly stream: ServerStream };

export class Invocations<P> {
  readonly #owner: InvocationOwner<P>;
  readonly #hub: Hub<P>;
  readonly #settings: InvocationSettings;
  /** The plain call that runs, unless it waits for a client result and others may run meanwhile. */
  #running: RunningCall<P> | null = null;
  /** Made when first needed: most connections never stream. */
  #streams: Map<string, OpenStream> | null = null;
  #uploads: Map<string, UploadStream> | null = null;
  #active = 0;

  constructor(owner: InvocationOwner<P>, hub: Hub<P>, settings: InvocationSettings) {
    this.#owner = owner;
    this.#hub = hub;
    this.#settings = settings;
  }

  /** The streams that are open, where nothing else runs and all of them can be resumed; else null. */
  save(): StreamInvocation[] | null {
    const calls: StreamInvocation[] = [];
    for (const { call } of this.#streams?.values() ?? []) {
      if (call.type !== MessageType.StreamInvocation || call.streamIds !== undefined) return null;
      if (this.#hub.find(call.target)?.resume === undefined) return null;
      calls.push(call);
    }
    return calls.length === this.#active ? calls : null;
  }

  /** Continues a stream that was saved. */
  resume(call: StreamInvocation): void {
    const args = this.#hub.find(call.target)?.resume?.(this.#owner.connection, call.arguments);
    this.start(args === undefined ? call : { ...call, arguments: args });
  }

  /** Starts a call. False when it has to wait for the one that runs: offer it again after `proceed`. */
  start(message: Call): boolean {
    const method = this.#hub.find(message.target);
    const background = message.streamIds !== undefined || message.type === MessageType.StreamInvocation;
    if (method !== undefined && !background && this.#running !== null) return false;
    const refusal = this.#refusal(message, method);
    if (refusal !== null) {
      this.#answer(message, { error: refusal });
      return true;
    }
    // Not undefined: it would have been refused.
    const known = method!;
    let args: unknown[];
    try {
      args = bind(known, message.arguments);
    } catch (error) {
      this.#answer(message, {
        error: errorText(invocationFailed(message.target), error, this.#settings.detailedErrors),
      });
      return true;
    }
    const uploads = this.#openUploads(message, known);
    this.#active++;
    if (known.kind === "stream") void this.#runStream(message, known, args, uploads);
    else this.#runPlain(message, known, args, uploads, background);
    return true;
  }

  /**
   * Hands an item to its upload. False when that is full: offer it again after `proceed`. Unknown streams are ignored.
   */
  item(message: StreamItem): boolean {
    return this.#uploads?.get(message.invocationId)?.offer(message.item) ?? true;
  }

  /** Ends an upload; false when the message is not about one. */
  completeUpload(message: Completion): boolean {
    const upload = this.#uploads?.get(message.invocationId);
    if (upload === undefined) return false;
    this.#uploads?.delete(message.invocationId);
    if (message.error === undefined) upload.end();
    else upload.fail(new UploadError(message.error));
    return true;
  }

  /** Stops a stream; it is completed without an error. Plain calls are not stopped. */
  cancel(message: CancelInvocation): void {
    this.#streams?.get(message.invocationId)?.stream.cancel();
  }

  /** The transport has room again. */
  drained(): void {
    if (this.#streams !== null) for (const { stream } of this.#streams.values()) stream.resume();
  }

  /** The connection has ended: streams stop, readers of uploads get an error. */
  dispose(): void {
    for (const { stream } of this.#streams?.values() ?? []) stream.cancel();
    for (const upload of this.#uploads?.values() ?? [])
      upload.fail(new UploadError("The underlying connection was closed."));
    this.#streams = null;
    this.#uploads = null;
  }

  /** Why a call cannot be made, or null. */
  #refusal(message: Call, method: HubMethod<P> | undefined): string | null {
    const { target } = message;
    const failed = (error: Error) => errorText(invocationFailed(target), error, true);
    if (method === undefined) return failed(new HubError("Method does not exist."));
    if (!method.allows(this.#owner.connection.principal)) return unauthorized(target);
    const streaming = message.type === MessageType.StreamInvocation;
    if (!streaming && method.kind === "stream") return streamingMethodInvoked(target);
    if (streaming && method.kind === "plain") return plainMethodStreamed(target);
    const sent = message.streamIds ?? [];
    const expected = method.uploads.length;
    if (sent.length !== expected)
      return errorText(
        methodFailed(target),
        new HubError(`Client sent ${sent.length} stream(s), Hub method expects ${expected}.`),
        true,
      );
    if (streaming && this.#streams?.has(message.invocationId ?? "") === true)
      return idInUse(message.invocationId ?? "");
    const taken = sent.find((id, index) => this.#uploads?.has(id) === true || sent.indexOf(id) !== index);
    if (taken !== undefined) return idInUse(taken);
    const open = (this.#streams?.size ?? 0) + (this.#uploads?.size ?? 0);
    const wanted = sent.length + (streaming ? 1 : 0);
    if (wanted > 0 && open + wanted > this.#settings.maxStreams)
      return failed(
        new HubError(`A connection may have ${this.#settings.maxStreams} streams open; end one first.`),
      );
    return null;
  }

  #openUploads(message: Call, method: HubMethod<P>): UploadStream[] {
    if (message.streamIds === undefined) return [];
    this.#uploads ??= new Map();
    const uploads: UploadStream[] = [];
    for (const [index, id] of message.streamIds.entries()) {
      const binder = method.uploads[index]!;
      const upload = new UploadStream(binder, this.#settings.streamBufferItems, () => this.#owner.proceed());
      this.#uploads.set(id, upload);
      uploads.push(upload);
    }
    return uploads;
  }

  #runPlain(
    message: Call,
    method: HubMethod<P>,
    args: unknown[],
    uploads: UploadStream[],
    background: boolean,
  ): void {
    const call = new RunningCall(this.#owner.connection, uploads, null, () => this.#letPass(call));
    if (!background) this.#running = call;
    const done = (outcome: { result: unknown } | { error: string }) => {
      this.#answer(message, outcome);
      if ("result" in outcome) call.answered();
      this.#finish(message);
      this.#letPass(call);
    };
    const failed = (error: unknown) =>
      done({ error: this.#describe(methodFailed(message.target), error, message.target) });
    let result: unknown;
    try {
      result = method.run(call, args);
    } catch (error) {
      failed(error);
      return;
    }
    if (result instanceof Promise) result.then((value) => done({ result: value }), failed);
    else done({ result });
  }

  async #runStream(
    message: Call,
    method: HubMethod<P>,
    args: unknown[],
    uploads: UploadStream[],
  ): Promise<void> {
    const { invocationId = "", target } = message;
    const stream = new ServerStream();
    this.#streams ??= new Map();
    this.#streams.set(invocationId, { call: message, stream });
    const call = new RunningCall(this.#owner.connection, uploads, stream.signal, () => undefined);
    const end = (error?: string) => {
      this.#streams?.delete(invocationId);
      this.#finish(message);
      const completion = { type: MessageType.Completion, invocationId };
      this.#owner.send(error === undefined ? completion : { ...completion, error });
    };
    let iterator: AsyncIterator<unknown>;
    try {
      const source = await stream.race(method.run(call, args));
      if (source === CANCELLED) return end();
      if (!isAsyncIterable(source)) return end(notAStream(target));
      iterator = source[Symbol.asyncIterator]();
    } catch (error) {
      return end(this.#describe(methodFailed(target), error, target));
    }
    try {
      for (;;) {
        if (this.#owner.congested) await stream.pause();
        const step = await stream.race(iterator.next());
        if (step === CANCELLED || step.done === true) break;
        this.#owner.send({ type: MessageType.StreamItem, invocationId, item: step.value });
      }
    } catch (error) {
      return end(this.#describe(STREAM_FAILED, error, target));
    }
    // Not awaited: a method that hangs must not delay the stream's completion.
    if (stream.cancelled) Promise.resolve(iterator.return?.()).catch(() => undefined);
    end();
  }

  #finish(message: Call): void {
    this.#active--;
    for (const id of message.streamIds ?? []) {
      // Items that are still on their way are dropped, and reading goes on if one was stuck here.
      const upload = this.#uploads?.get(id);
      this.#uploads?.delete(id);
      void upload?.return();
    }
    if (message.streamIds !== undefined) this.#owner.proceed();
  }

  /** The text the client gets for an error in a method; an error it gets no detail of is reported. */
  #describe(text: string, error: unknown, target: string): string {
    if (!(error instanceof HubError) && !(error instanceof UploadError))
      this.#settings.report(error, `hub method ${target}`);
    return errorText(text, error, this.#settings.detailedErrors);
  }

  #letPass(call: RunningCall<P>): void {
    if (this.#running !== call) return;
    this.#running = null;
    this.#owner.proceed();
  }

  /** Answers, unless the client asked for no answer. A call without a result is answered with an explicit null. */
  #answer(message: Call, outcome: { result: unknown } | { error: string }): void {
    if (message.invocationId === undefined) return;
    this.#owner.send({ type: MessageType.Completion, invocationId: message.invocationId, ...outcome });
  }
}

class RunningCall<P> implements HubCall<P> {
  readonly connection: HubConnection<P>;
  readonly uploads: readonly AsyncIterable<unknown>[];
  readonly #signal: AbortSignal | null;
  readonly #letPass: () => void;
  #afterAnswer: (() => void) | null = null;

  constructor(
    connection: HubConnection<P>,
    uploads: readonly AsyncIterable<unknown>[],
    signal: AbortSignal | null,
    letPass: () => void,
  ) {
    this.connection = connection;
    this.uploads = uploads;
    this.#signal = signal;
    this.#letPass = letPass;
  }

  get signal(): AbortSignal {
    return this.#signal ?? this.connection.signal;
  }

  afterAnswer(callback: () => void): void {
    this.#afterAnswer = callback;
  }

  answered(): void {
    this.#afterAnswer?.();
  }

  invoke(target: string, ...args: unknown[]): Promise<unknown> {
    // The client's answer may come behind another call of its own: holding that call up would be a deadlock.
    this.#letPass();
    return this.connection.invoke(target, ...args);
  }
}

/** Throws `ProtocolError`, whose text is ASP.NET's. */
function bind<P>(method: HubMethod<P>, args: readonly unknown[]): unknown[] {
  const { binders, required } = method;
  if (args.length < required || args.length > binders.length) {
    const expected = required === binders.length ? `${required}` : `${required} to ${binders.length}`;
    throw new ProtocolError(`Invocation provides ${args.length} argument(s) but target expects ${expected}.`);
  }
  try {
    return args.map((argument, index) => binders[index]!.parse(argument));
  } catch {
    throw new ProtocolError(
      "Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked.",
    );
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
