/** The globals of workerd that this host uses, beside those of the web. */
declare const WebSocketPair: typeof import("@cloudflare/workers-types").WebSocketPair;
declare const WebSocketRequestResponsePair: typeof import("@cloudflare/workers-types").WebSocketRequestResponsePair;
