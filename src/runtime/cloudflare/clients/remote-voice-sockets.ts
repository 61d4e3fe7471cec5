/** Voice sessions of the Worker: it has admitted the client, and hands it the socket to the object that runs the session. */

import type { VoiceSockets } from "../../../http/routes/realtime/realtime.ts";
import { ApiError } from "../../../protocol/error.ts";
import type { Session } from "../../../realtime/session-store.ts";
import type { VoiceOpening } from "../../../realtime/voice-admission.ts";
import type { SocketHandler, UpgradeAnswer } from "../../../sockets/socket-upgrade.ts";
import { StoreUnavailableError } from "../../../tasks/ports/store-error.ts";
import type { Bindings, RefusedSession } from "../bindings.ts";
import { acceptFor } from "../live-socket.ts";
import { socketAnswer, socketOf } from "../socket-answer.ts";

/** The object looks at nothing of the request but that it wants a socket. */
const SESSION = "https://session/";
/** The client's own socket beside its call. */
const CONTROL = "https://session/control";
const BETA_CONTROL = "https://session/control?beta";
const UPGRADE = { headers: { upgrade: "websocket" } };

export class RemoteVoiceSockets implements VoiceSockets {
  readonly #objects: Bindings["REALTIME_SESSION"];

  constructor({ REALTIME_SESSION }: Pick<Bindings, "REALTIME_SESSION">) {
    this.#objects = REALTIME_SESSION;
  }

  async open(_request: Request, opening: VoiceOpening, answer: UpgradeAnswer): Promise<Response> {
    const object = this.#objects.getByName(opening.draft.id);
    const refused = await object.open(opening);
    if (refused !== null) throw errorOf(refused);
    const response = await object.fetch(new Request(SESSION, UPGRADE));
    const socket = socketOf(response);
    if (socket === null)
      throw new StoreUnavailableError(
        "broken",
        `The session's object answered with status ${response.status}`,
      );
    return socketAnswer(socket, headersOf(answer));
  }

  async join(_request: Request, call: Session, beta: boolean, answer: UpgradeAnswer): Promise<Response> {
    const object = this.#objects.getByName(call.id);
    const response = await object.fetch(new Request(beta ? BETA_CONTROL : CONTROL, UPGRADE));
    const socket = socketOf(response);
    if (socket === null)
      throw new ApiError(
        "not_supported",
        "The call's connection to its provider is being restored, or the call has ended. Try again, or steer it over its own data channel.",
        { param: "call_id" },
      );
    return socketAnswer(socket, headersOf(answer));
  }

  /** Makes a call in its object, and answers with the provider's SDP. */
  async makeCall(opening: VoiceOpening, sdp: string): Promise<string> {
    const answer = await this.#objects.getByName(opening.draft.id).makeCall(opening, sdp);
    if ("sdp" in answer) return answer.sdp;
    throw errorOf(answer);
  }

  refuse(_request: Request, handler: SocketHandler, answer: UpgradeAnswer): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    acceptFor(server, handler);
    return socketAnswer(client, headersOf(answer));
  }
}

function errorOf({ code, message, param, retryAfterSeconds }: RefusedSession): ApiError {
  return new ApiError(code, message, {
    ...(param !== null && { param }),
    ...(retryAfterSeconds !== null && { retryAfterSeconds }),
  });
}

function headersOf({ protocol, headers }: UpgradeAnswer): Record<string, string> {
  return { ...headers, ...(protocol !== null && { "sec-websocket-protocol": protocol }) };
}
