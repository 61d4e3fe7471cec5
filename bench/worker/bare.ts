/**
 * The baselines of the Worker's benches: Durable Objects that do the least such a thing can do. `Ledger` writes a row per
 * accepted request, `GroupedLedger` commits those of one turn together; `Room` writes a row per event and tells `Crowd`,
 * which sends every record of a tick in one frame, or each alone.
 */

import { DurableObject } from "cloudflare:workers";
import type { DurableObjectNamespace, DurableObjectState, WebSocket } from "@cloudflare/workers-types";
import { Hono } from "hono";
import { socketAnswer } from "../../src/runtime/cloudflare/socket-answer.ts";
import { createPayload } from "../harness/hub-payload.ts";
import { offer } from "../harness/offered-rate.ts";

type Bindings = {
  LEDGER: DurableObjectNamespace<Ledger>;
  GROUPED_LEDGER: DurableObjectNamespace<GroupedLedger>;
  ROOM: DurableObjectNamespace<Room>;
  CROWD: DurableObjectNamespace<Crowd>;
};

/** An object, as the web's types know what fetches. */
type Fetcher = { fetch(request: Request): Promise<Response> };

/** As long as the product waits for company. */
const TICK_MS = 50;
const HANDSHAKE_ANSWER = "{}\x1e";
const RECORD_END = "\x1e";

export class Ledger extends DurableObject<Bindings> {
  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, at INTEGER, body TEXT)");
  }

  async write(id: string, body: string): Promise<number> {
    this.ctx.storage.sql.exec("INSERT INTO rows VALUES (?, ?, ?)", id, Date.now(), body);
    return 1;
  }
}

export class GroupedLedger extends Ledger {
  #waiting: { id: string; body: string; done: () => void }[] = [];

  override write(id: string, body: string): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting.push({ id, body, done: () => resolve(1) });
      if (this.#waiting.length === 1) setTimeout(() => this.#commit(), 0);
    });
  }

  #commit(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.ctx.storage.transactionSync(() => {
      for (const { id, body } of waiting)
        this.ctx.storage.sql.exec("INSERT INTO rows VALUES (?, ?, ?)", id, Date.now(), body);
    });
    for (const { done } of waiting) done();
  }
}

export class Room extends DurableObject<Bindings> {
  readonly #payload = createPayload("json");

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, record TEXT)");
  }

  async offer(perSecond: number, seconds: number, startsAt: number, packed: boolean): Promise<number> {
    const crowd = this.env.CROWD.getByName("crowd");
    const told: Promise<void>[] = [];
    const emitted = await offer(perSecond, seconds, startsAt, (dueAt) => {
      const record = this.#payload(0, dueAt) as string;
      this.ctx.storage.sql.exec("INSERT INTO events (record) VALUES (?)", record);
      told.push(crowd.tell(record, packed));
    });
    await Promise.all(told);
    return emitted;
  }
}

export class Crowd extends DurableObject<Bindings> {
  #records: string[] = [];

  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return socketAnswer(client);
  }

  /** Answers the handshake and the one subscription of every client of the crowd. */
  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    for (const record of String(message).split(RECORD_END)) {
      if (record === "") continue;
      const { invocationId } = JSON.parse(record) as { invocationId?: string };
      socket.send(
        invocationId === undefined
          ? HANDSHAKE_ANSWER
          : `${JSON.stringify({ type: 3, invocationId, result: null })}${RECORD_END}${this.#snapshot()}`,
      );
    }
  }

  async tell(record: string, packed: boolean): Promise<void> {
    if (!packed) {
      this.#send(record);
      return;
    }
    this.#records.push(record);
    if (this.#records.length === 1) setTimeout(() => this.#send(this.#records.splice(0).join("")), TICK_MS);
  }

  #send(frame: string): void {
    for (const socket of this.ctx.getWebSockets()) if (socket.readyState === 1) socket.send(frame);
  }

  #snapshot(): string {
    return createPayload("json")(0, 0) as string;
  }
}

const app = new Hono<{ Bindings: Bindings }>();
app.post("/v1/write/:how", async (c) => {
  const body = await c.req.json<Record<string, unknown>>();
  const ledger = c.req.param("how") === "grouped" ? c.env.GROUPED_LEDGER : c.env.LEDGER;
  const id = crypto.randomUUID();
  await ledger.getByName("ledger").write(id, JSON.stringify(body));
  return c.json({ taskId: id, status: "queued" });
});
app.get("/hubs/:hub", (c) => (c.env.CROWD.getByName("crowd") as unknown as Fetcher).fetch(c.req.raw));
app.post("/bench/offer", async (c) => {
  const { perSecond, seconds, startsAt, packed } = await c.req.json();
  return c.json({ emitted: await c.env.ROOM.getByName("room").offer(perSecond, seconds, startsAt, packed) });
});

export default { fetch: (request: Request, env: Bindings) => app.fetch(request, env) };
