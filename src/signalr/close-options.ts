/** How the server ends a connection, and what the client makes of it. */

export type CloseOptions = {
  /** What the client is told; nothing for an orderly end. */
  error?: string;
  /** Clients that reconnect by themselves do so only with this. */
  allowReconnect?: boolean;
  /** For the WebSocket's close frame; 1000 without. */
  code?: number;
  reason?: string;
};
