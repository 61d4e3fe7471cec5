/** Listens on the address of the settings; a failure names the setting to change. */

import type { Address, Listener, Listening, RequestHandler } from "./process-host.ts";

/** Thrown when the address cannot be listened on; the message says which setting to change. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** Listens, or throws `ListenError`, whatever the runtime and its resolver call the failure. */
export function listen(listener: Listener, address: Address, answer: RequestHandler): Listening {
  try {
    return listener.listen(address, answer);
  } catch (error) {
    throw new ListenError(explain(error, address), { cause: error });
  }
}

/**
 * A name that no resolver knows is reported as ENOTFOUND, EAI_AGAIN, ENOENT or without any code, depending on the
 * runtime and on how the machine resolves names: what is not about the port is therefore said to be about HOST.
 */
function explain(error: unknown, { host, port }: Address): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : null;
  switch (code) {
    case "EADDRINUSE":
      return `The port is in use (${host}:${port}). Stop the process that has it, or name another one in PORT (0 takes a free one).`;
    case "EACCES":
      return `This user may not listen on port ${port}. Name one above 1023 in PORT.`;
    default:
      return (
        `HOST must be an address of this machine, such as 127.0.0.1 or 0.0.0.0 for all of them; ${JSON.stringify(host)} came` +
        ` (port ${port}): ${code ?? (error instanceof Error ? error.message : String(error))}.`
      );
  }
}
