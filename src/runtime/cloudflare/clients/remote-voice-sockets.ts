/** Voice sessions of the Worker: it has admitted the client, and hands it the socket to the object that runs the session. */

import type { VoiceSockets } from "../../../http/routes/realtime.ts";
import { ApiError } from "../../../protocol/error.ts";
import type { VoiceOpening } from "../../../realtime/voice-admission.ts";
import type { SocketHandler, UpgradeAnswer } from "../../../sockets/socket-upgrade.ts";
import { StoreUnavailableError } from "../../../tasks/ports/store-error.ts";
import type { Bindings } from "../bindings.ts";
import { acceptFor } from "../objects/session-socket.ts";
import { socketAnswer, socketOf } from "../socket-answer.ts";

/** The object looks at nothing of the request but that it wants a socket. */
const UPGRADE = { headers: { upgrade: "websocket" } };

export class RemoteVoiceSockets implements VoiceSockets {
  readonly #objects: Bindings["REALTIME_SESSION"];

  constructor({ REALTIME_SESSION }: Pick<Bindings, "REALTIME_SESSION">) {
    this.#objects = REALTIME_SESSION;
  }

  async open(_request: Request, opening: VoiceOpening, answer: UpgradeAnswer): Promise<Response> {
    const object = this.#objects.getByName(opening.draft.id);
    const refused = await object.open(opening);
    if (refused !== null) {
      const { code, message, param, retryAfterSeconds } = refused;
      throw new ApiError(code, message, {
        ...(param !== null && { param }),
        ...(retryAfterSeconds !== null && { retryAfterSeconds }),
      });
    }
    const response = await object.fetch(new Request("https://session/", UPGRADE));
    const socket = socketOf(response);
    if (socket === null)
      throw new StoreUnavailableError(
        "broken",
        `The session's object answered with status ${response.status}`,
      );
    return socketAnswer(socket, headersOf(answer));
  }

  refuse(_request: Request, handler: SocketHandler, answer: UpgradeAnswer): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    acceptFor(server, handler);
    return socketAnswer(client, headersOf(answer));
  }
}

function headersOf({ protocol, headers }: UpgradeAnswer): Record<string, string> {
  return { ...headers, ...(protocol !== null && { "sec-websocket-protocol": protocol }) };
}
