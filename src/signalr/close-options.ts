/** How the server ends a connection. */

import { type Close, MessageType } from "./protocols/messages.ts";

export type CloseOptions = {
  /** The error of SignalR's Close message; none for an orderly end. */
  error?: string;
  /** In the Close message; clients with automatic reconnect come back only if it is true. */
  allowReconnect?: boolean;
  /** Of the WebSocket's close frame; `CLOSE_NORMAL` without. */
  code?: number;
  reason?: string;
};

/** The Close message that says so. */
export function closeMessage({ error, allowReconnect = false }: CloseOptions): Close {
  return {
    type: MessageType.Close,
    ...(error === undefined ? {} : { error }),
    ...(allowReconnect ? { allowReconnect } : {}),
  };
}
