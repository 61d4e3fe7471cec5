/**
 * What a client has sent so far, in order, so that another provider can be told of it in place of one that could not be had. Bounded:
 * once more came than is kept, the session stays where it is.
 */

import { needsAfter, type SessionNeeds } from "../routing/session-needs.ts";
import type { ClientEvent } from "./client-event.ts";

/** Some 15 s of sound; as much as may wait for a provider to open. */
const MAX_CHARACTERS = 1_048_576;

export class ClientReplay {
  readonly #needs: SessionNeeds;
  readonly #messages: (ClientEvent | Uint8Array)[] = [];
  #characters = 0;

  /** `needs`: what the session asked for before its client said anything. */
  constructor(needs: SessionNeeds) {
    this.#needs = needs;
  }

  /** What the session asks for by now. */
  get needs(): SessionNeeds {
    return needsAfter(this.#needs, this.#messages);
  }

  /** False when it is more than is kept: the replay is of no use any more. */
  keep(message: ClientEvent | Uint8Array): boolean {
    this.#characters += message instanceof Uint8Array ? message.length : message.text.length;
    // The bytes of a binary message belong to the host and are used again.
    this.#messages.push(message instanceof Uint8Array ? message.slice() : message);
    return this.#characters <= MAX_CHARACTERS;
  }

  messages(): Iterable<ClientEvent | Uint8Array> {
    return this.#messages;
  }
}
