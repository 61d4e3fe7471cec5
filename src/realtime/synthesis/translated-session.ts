/**
 * A session with a provider that speaks another protocol: what is alike for all of them. A provider's file brings its dialect alone:
 * how it is connected to and configured, what it is told, and what it says.
 */

import { AudioPath } from "../../audio/converter.ts";
import type { Json } from "../../protocol/task.ts";
import type { CloseNote } from "../../sockets/dialer.ts";
import type { JsonObject } from "../json.ts";
import type { ClientEvent } from "../session/client-event.ts";
import type { Translator, TranslatorContext } from "../translator.ts";
import { type ProviderSide, Synthesis } from "./client-events.ts";
import type { ConversationItem } from "./conversation-items.ts";

/** A client that says nothing of its configuration gets the provider's defaults after this, ms. */
const CONFIGURE_MS = 1_000;

/** What a dialect is made with. */
export type DialectParts = {
  readonly context: TranslatorContext;
  readonly synthesis: Synthesis;
  /** Converters of the session's sound, one for each way. */
  readonly toProvider: AudioPath;
  readonly toClient: AudioPath;
  /** Sends a message to the provider as JSON; waits while the upstream is not open. */
  send(message: JsonObject): void;
  /** Tells the client that the provider took a part of its configuration only. */
  partlyApplied(message: string): void;
  /** What the user said is a turn by now: there is nothing to commit. */
  turnEnded(): void;
};

/**
 * One provider's protocol. `connect` is called once, before anything else: when the client has configured the session, or begins.
 * Without a `commit` and a `clear` turns are the provider's, and a client's commit is acknowledged.
 */
export interface ProviderDialect
  extends Omit<ProviderSide, "commit" | "clear">,
    Partial<Pick<ProviderSide, "commit" | "clear">>,
    Pick<Translator, "connected" | "fromProvider" | "disconnected" | "finish"> {
  connect(): void;
}

/** Makes translators of that dialect. */
export function translatedBy(
  dialect: (parts: DialectParts) => ProviderDialect,
): (context: TranslatorContext) => Translator {
  return (context) => new TranslatedSession(context, dialect);
}

class TranslatedSession implements Translator, ProviderSide {
  readonly #context: TranslatorContext;
  readonly #synthesis: Synthesis;
  readonly #dialect: ProviderDialect;
  #begun = false;
  /** Sound has come since the last turn. */
  #heard = false;

  constructor(context: TranslatorContext, dialect: (parts: DialectParts) => ProviderDialect) {
    this.#context = context;
    this.#synthesis = new Synthesis(context);
    this.#dialect = dialect({
      context,
      synthesis: this.#synthesis,
      toProvider: new AudioPath(),
      toClient: new AudioPath(),
      send: (message) => context.output.toProvider(JSON.stringify(message)),
      partlyApplied: (message) =>
        context.output.toClient({ type: "conduit.warning", code: "partly_applied", message }),
      turnEnded: () => {
        this.#heard = false;
      },
    });
  }

  start(): void {
    this.#context.after(CONFIGURE_MS, () => this.#begin());
  }

  connected(): void {
    this.#dialect.connected();
  }

  fromClient(client: ClientEvent): void {
    this.#synthesis.handle(client, this);
  }

  audioFromClient(bytes: Uint8Array): void {
    this.#synthesis.audioCame(bytes, this);
  }

  fromProvider(frame: string | Uint8Array): void {
    this.#dialect.fromProvider(frame);
  }

  disconnected(close: CloseNote): "resume" | "end" {
    return this.#dialect.disconnected(close);
  }

  finish(): void {
    this.#dialect.finish();
  }

  // What the client wants, which begins the connection.

  audio(bytes: Uint8Array): void {
    this.#begin();
    this.#heard = true;
    this.#dialect.audio(bytes);
  }

  commit(): boolean {
    if (this.#dialect.commit !== undefined) return this.#dialect.commit();
    if (!this.#heard) return false;
    this.#heard = false;
    this.#synthesis.turns.committed();
    return true;
  }

  clear(): void {
    this.#heard = false;
    this.#dialect.clear?.();
  }

  /** The first configuration is what the session is opened with. */
  configured(changed: boolean): void {
    if (this.#begun) this.#dialect.configured(changed);
    else this.#begin();
  }

  itemCreated(item: ConversationItem): void {
    this.#begin();
    this.#dialect.itemCreated(item);
  }

  respond(metadata: Json, afterResults: boolean): void {
    this.#begin();
    this.#dialect.respond(metadata, afterResults);
  }

  cancel(): void {
    this.#dialect.cancel();
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#dialect.connect();
  }
}
