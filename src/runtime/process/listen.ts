/** Takes the address of the settings, or says in plain words which of them to change. */

import type { Address, Answer, Listener, Listening } from "./process-host.ts";

/** Thrown when the address cannot be listened on; the message says which setting to change. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** Listens, or throws `ListenError` where a setting is at fault. */
export function listen(listener: Listener, address: Address, answer: Answer): Listening {
  try {
    return listener.listen(address, answer);
  } catch (error) {
    throw explained(error, address) ?? error;
  }
}

function explained(error: unknown, { host, port }: Address): ListenError | null {
  switch (error instanceof Error && "code" in error && error.code) {
    case "EADDRINUSE":
      return new ListenError(
        `The port is in use (${host}:${port}). Stop the process that has it, or name another one in PORT (0 takes a free one).`,
      );
    case "EACCES":
      return new ListenError(`This user may not listen on port ${port}. Name one above 1023 in PORT.`);
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return new ListenError(
        `HOST must be an address of this machine, such as 127.0.0.1 or 0.0.0.0 for all of them; ${JSON.stringify(host)} came.`,
      );
    default:
      return null;
  }
}
