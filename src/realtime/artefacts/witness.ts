/** The port of whoever keeps what is said in a session. Nothing here throws, and nobody waits for it but at the end. */

import type { RealtimeEvent } from "../../protocol/realtime.ts";
import type { ClientEvent } from "../session/client-event.ts";

export interface SessionWitness {
  /** The client was sent this, in the names of the unified format. */
  toClient(event: RealtimeEvent): void;
  /** The same, of what a provider said and nobody has parsed. */
  passedToClient(text: string, type: string): void;
  /** Bytes of a binary message are valid until this returns. */
  fromClient(message: ClientEvent | Uint8Array): void;
  /** Called once. Resolves when all is kept, or could not be. */
  ended(): Promise<void>;
}

/** `transport`: the sound of a call never comes here. Null where nothing of it is kept. */
export type WitnessMaker = (sessionId: string, transport: "socket" | "webrtc") => SessionWitness | null;
