/** Realtime sessions as hashes. */

import type { OutboxOptions } from "../../events/outbox.ts";
import type { Json } from "../../protocol/task.ts";
import {
  LOST_SESSION,
  type OpenSessionOutcome,
  type RaiseHoldOutcome,
  SETTLE_LOST_SESSION_MS,
  type Session,
  type SessionCounters,
  type SessionDraft,
  type SessionEnd,
  type SessionLimits,
  type SessionMove,
  type SessionStore,
} from "../../realtime/session-store.ts";
import type { TenantScope } from "../../tasks/task.ts";
import { assertScope } from "../scopes.ts";
import { startRow } from "./event-rows.ts";
import { movementText, TIMELESS_WINDOWS } from "./ledger.ts";
import type { Reply } from "./server/replies.ts";
import { listReply, numberOf, readable, textOf } from "./server/replies.ts";
import type { ScriptRunner } from "./server/script-runner.ts";
import { readRefusal } from "./start-refusal.ts";

/** The fence of whoever opens a session. */
const FIRST_FENCE = "1";
/** Begins the name of a counter's field. */
const COUNTER = "counter:";

export class RedisSessions implements SessionStore {
  readonly #scripts: ScriptRunner;

  readonly #outbox: OutboxOptions | null;

  constructor(scripts: ScriptRunner, outbox: OutboxOptions | null) {
    this.#scripts = scripts;
    this.#outbox = outbox;
  }

  async openSession(
    draft: SessionDraft,
    limits: SessionLimits,
    leaseMs: number,
  ): Promise<OpenSessionOutcome> {
    const reply = listReply(
      await this.#scripts.run(
        "openSession",
        draft.id,
        draft.keyId,
        draft.subject,
        draft.customer ?? "",
        String(draft.reservedMicros),
        TIMELESS_WINDOWS,
        String(leaseMs),
        String(limits.maxPerKey),
        String(limits.max),
        startRow(this.#outbox, draft),
        ...fieldsOf(draft),
      ),
    );
    const [outcome, told, open] = reply;
    if (outcome === "opened") return { outcome, session: readSession(told) };
    const refused = readRefusal(outcome, reply.slice(1));
    return refused ?? { outcome: "too_many", limit: textOf(told) as "key" | "all", open: numberOf(open) };
  }

  async renewSession(
    id: string,
    fence: number,
    leaseMs: number,
    counters: SessionCounters,
  ): Promise<boolean> {
    const lease = String(leaseMs);
    return (
      (await this.#scripts.run("renewSession", id, String(fence), lease, ...counterFields(counters))) === 1
    );
  }

  async keepCall(id: string, fence: number, callId: string): Promise<boolean> {
    return (await this.#scripts.run("keepCall", id, String(fence), callId)) === 1;
  }

  async moveSession(id: string, fence: number, { provider, account, price }: SessionMove): Promise<boolean> {
    const to = [provider, account ?? "", price === null ? "" : JSON.stringify(price)];
    return (await this.#scripts.run("moveSession", id, String(fence), ...to)) === 1;
  }

  async raiseHold(id: string, fence: number, reservedMicros: number): Promise<RaiseHoldOutcome> {
    const [outcome, ...rest] = listReply(
      await this.#scripts.run("raiseHold", id, String(fence), String(reservedMicros), TIMELESS_WINDOWS),
    );
    if (outcome === "raised") return { outcome, reservedMicros: numberOf(rest[0]) };
    const refused = readRefusal(outcome, rest);
    return refused?.outcome === "budget_exceeded" ? refused : { outcome: "ended" };
  }

  async endSession(id: string, fence: number, end: SessionEnd): Promise<boolean> {
    const { closeReason, counters, costMicros } = end;
    const until = costMicros === null ? String(SETTLE_LOST_SESSION_MS) : "";
    const told = [closeReason, String(costMicros ?? 0), until, ...counterFields(counters)];
    return (await this.#scripts.run("endSession", id, String(fence), ...told)) === 1;
  }

  async endLostSessions(limit: number): Promise<Session[]> {
    const sessions = await this.#scripts.run(
      "endLostSessions",
      String(limit),
      LOST_SESSION,
      String(SETTLE_LOST_SESSION_MS),
    );
    return readable(listReply(sessions), readSession);
  }

  async settleSession(
    id: string,
    fence: number,
    costMicros: number,
    counters: SessionCounters = {},
  ): Promise<boolean> {
    const cost = String(costMicros);
    return (
      (await this.#scripts.run("settleSession", id, String(fence), cost, ...counterFields(counters))) === 1
    );
  }

  async getSession(scope: TenantScope, id: string): Promise<Session | null> {
    assertScope(scope);
    const told = listReply(await this.#scripts.run("getSession", id));
    if (told.length === 0) return null;
    const session = readSession(told);
    const visible = scope.subject === null || scope.subject === session.subject;
    return session.keyId === scope.keyId && visible ? session : null;
  }

  async listOpenSessions(limit: number): Promise<Session[]> {
    return readable(listReply(await this.#scripts.run("listOpenSessions", String(limit))), readSession);
  }

  async findSession(id: string): Promise<Session | null> {
    const told = listReply(await this.#scripts.run("getSession", id));
    return told.length === 0 ? null : readSession(told);
  }

  async listSessions(
    scope: TenantScope,
    { open, limit, before }: { open: boolean; limit: number; before: string | null },
  ): Promise<{ sessions: Session[]; hasMore: boolean }> {
    assertScope(scope);
    const page = [before ?? "", String(limit + 1), open ? "1" : "0"];
    const told = listReply(
      await this.#scripts.run("listSessions", scope.keyId, scope.subject ?? "", ...page),
    );
    return { sessions: readable(told.slice(0, limit), readSession), hasMore: told.length > limit };
  }
}

function fieldsOf(draft: SessionDraft): string[] {
  const { id, keyId, subject, customer, provider, model, account = null, reservedMicros, price } = draft;
  const movement = movementText({
    type: "realtime",
    model,
    provider,
    subject,
    customer,
    upstreamMicros: null,
    overrunMicros: 0,
  });
  return [
    ...["id", id, "keyId", keyId, "subject", subject, "provider", provider, "model", model],
    ...["reservedMicros", String(reservedMicros), "fence", FIRST_FENCE],
    ...(customer === null ? [] : ["customer", customer]),
    ...(account === null ? [] : ["account", account]),
    ...(price === null ? [] : ["price", JSON.stringify(price)]),
    ...["movement", movement],
  ];
}

/** Each counter is a field of the hash, so that those which are not given stay. */
function counterFields(counters: SessionCounters): string[] {
  return Object.entries(counters).flatMap(([name, value]) => [COUNTER + name, String(value)]);
}

function readCounters(fields: ReadonlyMap<string, string>): SessionCounters {
  const counters = [...fields].filter(([name]) => name.startsWith(COUNTER));
  return Object.fromEntries(counters.map(([name, value]) => [name.slice(COUNTER.length), numberOf(value)]));
}

function readSession(reply: Reply | undefined): Session {
  const replies = listReply(reply).map(textOf);
  const fields = new Map<string, string>();
  for (let index = 0; index < replies.length; index += 2)
    fields.set(replies[index] as string, replies[index + 1] as string);
  const text = (name: string) => textOf(fields.get(name));
  const moment = (name: string) => (fields.has(name) ? numberOf(fields.get(name)) : null);
  return {
    id: text("id"),
    keyId: text("keyId"),
    subject: text("subject"),
    customer: fields.get("customer") ?? null,
    provider: text("provider"),
    model: text("model"),
    account: fields.get("account") ?? null,
    reservedMicros: numberOf(text("reservedMicros")),
    price: fields.has("price") ? (JSON.parse(text("price")) as Json) : null,
    startedAt: numberOf(text("startedAt")),
    leaseUntil: moment("leaseUntil"),
    fence: numberOf(text("fence")),
    counters: readCounters(fields),
    endedAt: moment("endedAt"),
    closeReason: fields.get("closeReason") ?? null,
    chargedMicros: moment("chargedMicros") ?? 0,
    callId: fields.get("callId") ?? null,
    settled: fields.get("settled") === "1",
  };
}
