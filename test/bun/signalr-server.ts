/** A bare server for a hub, for interoperability tests: the least HTTP that lets real clients in. */

import { HubConnections } from "../../src/hubs/connections.ts";
import { HubEndpoint, type Refusal } from "../../src/hubs/endpoint.ts";
import {
  EVENT_STREAM_HEADERS,
  EVENT_STREAM_PREAMBLE,
  writeEvent,
} from "../../src/hubs/event-stream-format.ts";
import type { Hub } from "../../src/hubs/hub.ts";
import type { Frame } from "../../src/hubs/hub-protocol.ts";
import type { PollReply } from "../../src/hubs/long-poll.ts";
import { answerNegotiate, parseNegotiateRequest } from "../../src/hubs/negotiation.ts";
import { HubSession } from "../../src/hubs/session.ts";
import { DEFAULT_SESSION_SETTINGS, type SessionSettings } from "../../src/hubs/session-settings.ts";

const TRANSPORTS = ["WebSockets", "ServerSentEvents", "LongPolling"] as const;
const OWNER = "tester";

export type TestServer = {
  url: string;
  connections: HubConnections<string>;
  /** Cuts every WebSocket as a failing network would. */
  cutSockets(): void;
  stop(): Promise<void>;
};

type SocketData = { endpoint: HubEndpoint<string>; session: HubSession<string> | null };

export function serveHub(hub: Hub<string>, settings: Partial<SessionSettings> = {}): TestServer {
  const connections = new HubConnections<string>();
  const sockets = new Set<Bun.ServerWebSocket<SocketData>>();
  const now = () => performance.now();
  const heart = setInterval(() => connections.tick(now()), 250);

  const add = (statefulReconnect: boolean) => {
    const connectionId = crypto.randomUUID();
    const token = crypto.randomUUID();
    const endpoint = connections.add(
      {
        token,
        owner: OWNER,
        hub,
        settings: { ...DEFAULT_SESSION_SETTINGS, ...settings },
        transports: TRANSPORTS,
        pings: "server",
        connectionId,
        principal: connectionId,
        bare: false,
        statefulReconnect,
      },
      now(),
    );
    return { connectionId, token, endpoint: endpoint! };
  };

  const server = Bun.serve<SocketData>({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request, server) {
      const url = new URL(request.url);
      if (url.pathname === "/hub/negotiate") {
        const asked = parseNegotiateRequest(url.searchParams);
        if ("error" in asked) return Response.json(asked);
        const { connectionId, token } = add(asked.statefulReconnect);
        const offer = {
          connectionId,
          connectionToken: token,
          transports: TRANSPORTS,
          statefulReconnect: true,
        };
        return Response.json(answerNegotiate(asked, offer));
      }
      const id = url.searchParams.get("id");
      const upgrade = request.headers.get("upgrade") === "websocket";
      const found = id === null && upgrade ? add(false).endpoint : connections.find(id, OWNER);
      if (!(found instanceof HubEndpoint)) return refused(found);
      if (upgrade)
        return server.upgrade(request, { data: { endpoint: found, session: null } })
          ? undefined
          : new Response(null, { status: 400 });
      if (request.method === "POST")
        return answer(found.post(new Uint8Array(await request.arrayBuffer()), now()), 200);
      if (request.method === "DELETE") return answer(found.terminate(now()), 202);
      server.timeout(request, 0);
      return request.headers.get("accept")?.includes("text/event-stream") === true
        ? openEvents(found, now)
        : poll(found, request, now);
    },
    websocket: {
      open(socket) {
        sockets.add(socket);
        const opened = socket.data.endpoint.openWebSocket(
          {
            send: (frame) => send(socket, frame) !== -1,
            close: (code, reason) => socket.close(code, reason),
            bufferedBytes: () => socket.getBufferedAmount(),
            waiting: false,
            topics: null,
          },
          now(),
        );
        if (opened instanceof HubSession) socket.data.session = opened;
        else socket.close(1008, opened.body);
      },
      message: (socket, message) => socket.data.session?.receive(message, now()),
      drain: (socket) => socket.data.session?.drained(),
      close(socket) {
        sockets.delete(socket);
        socket.data.session?.transportEnded(now());
      },
    },
  });

  return {
    url: `http://127.0.0.1:${server.port}/hub`,
    connections,
    cutSockets() {
      for (const socket of sockets) socket.terminate();
    },
    async stop() {
      clearInterval(heart);
      connections.close(null, {});
      await server.stop(true);
    },
  };
}

function send(socket: Bun.ServerWebSocket<SocketData>, frame: Frame): number {
  return typeof frame === "string" ? socket.sendText(frame) : socket.sendBinary(frame);
}

function refused(refusal: Refusal): Response {
  return new Response(refusal.body, {
    status: refusal.status,
    headers: { "content-type": "text/plain" },
  });
}

function answer(refusal: Refusal | null, status: number): Response {
  return refusal === null ? new Response(null, { status }) : refused(refusal);
}

function openEvents(endpoint: HubEndpoint<string>, now: () => number): Response {
  const utf8 = new TextEncoder();
  let refusal: Refusal | null = null;
  let session: HubSession<string> | null = null;
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(utf8.encode(EVENT_STREAM_PREAMBLE));
      const opened = endpoint.openEvents(
        {
          send(frame) {
            controller.enqueue(utf8.encode(writeEvent(frame)));
            return true;
          },
          close: () => controller.close(),
          bufferedBytes: () => 0,
          waiting: false,
          topics: null,
        },
        now(),
      );
      if (opened instanceof HubSession) session = opened;
      else refusal = opened;
    },
    cancel: () => session?.transportEnded(now()),
  });
  return refusal === null ? new Response(stream, { headers: EVENT_STREAM_HEADERS }) : refused(refusal);
}

function poll(endpoint: HubEndpoint<string>, request: Request, now: () => number): Promise<Response> {
  return new Promise((resolve) => {
    const reply: PollReply = (answer) => {
      if (answer.status === 204) return resolve(new Response(null, { status: 204 }));
      const headers = { "content-type": "application/octet-stream", "cache-control": "no-store" };
      resolve(new Response(new Blob(answer.frames as BlobPart[]), { headers }));
    };
    request.signal.addEventListener("abort", () => endpoint.pollAbandoned(reply, now()));
    const refusal = endpoint.poll(reply, now());
    if (refusal !== null) resolve(refused(refusal));
  });
}
