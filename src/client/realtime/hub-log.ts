/** SignalR's log, on the console. */

import type { ILogger } from "@microsoft/signalr";

/** Browsers put the key into the address of a WebSocket, beside the token of the connection, and SignalR writes addresses down. */
const SECRETS = /\b(access_token|id)=[^&\s]+/g;
/** SignalR's level `Information`; its types are there where the package is not. */
const LEAST_LEVEL = 2;

/** What SignalR says, but for details of its messages, with neither keys nor tokens. */
export const hubLog: ILogger = {
  log(level, message) {
    if (level >= LEAST_LEVEL) console.info(`[conduit] hub: ${message.replace(SECRETS, "$1=…")}`);
  },
};
