/** The outbox as a list (src/events/outbox.ts). Rows are written by the scripts of what they tell; here they are handed out. */

import type {
  EventOutbox,
  OutboxBatch,
  OutboxClaim,
  OutboxOutcome,
  OutboxStats,
} from "../../events/outbox.ts";
import { listReply, numberOf, textOf } from "./server/replies.ts";
import type { ScriptRunner } from "./server/script-runner.ts";

export class RedisOutbox implements EventOutbox {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async claimEvents({ leaseMs, maxRows, maxBytes }: OutboxClaim): Promise<OutboxBatch | null> {
    const bounds = [leaseMs, maxRows, maxBytes].map(String);
    const [fence, first, failures, rows] = listReply(await this.#scripts.run("claimEvents", ...bounds));
    if (fence === undefined) return null;
    return {
      fence: numberOf(fence),
      first: numberOf(first),
      failures: numberOf(failures),
      rows: listReply(rows).map(textOf),
    };
  }

  async finishEvents(
    { fence, first, rows }: Pick<OutboxBatch, "fence" | "first" | "rows">,
    outcome: OutboxOutcome,
  ): Promise<boolean> {
    const delay = outcome.kind === "sent" ? "" : String(outcome.delayMs);
    const batch = [fence, first, rows.length].map(String);
    return (await this.#scripts.run("finishEvents", ...batch, delay)) === 1;
  }

  async outboxStats(): Promise<OutboxStats> {
    const [waiting, dropped, failures] = listReply(await this.#scripts.run("outboxStats"));
    return { waiting: numberOf(waiting), dropped: numberOf(dropped), failures: numberOf(failures) };
  }
}
