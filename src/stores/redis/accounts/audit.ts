/** The audit log on Redis; see scripts/parts/keys/audit.lua. */

import type { AuditDraft, AuditEntry, AuditQuery, AuditStore } from "../../../accounts/audit-store.ts";
import { auditEntry, auditNumber, auditText } from "../../audit-text.ts";
import { listReply, readable, textOf } from "../server/replies.ts";
import type { ScriptRunner } from "../server/script-runner.ts";

/** What the scripts keep in front of an entry's text: its time, action and target. */
const STORED = /^(\d+) (\S+) (\S+) (.*)$/s;

/** The three arguments of a script that writes an entry with its change; texts of nothing when there is none. */
export function auditArguments(draft: AuditDraft | null): [action: string, target: string, text: string] {
  return draft === null ? ["", "", ""] : [draft.action, draft.target, auditText(draft)];
}

export class RedisAudit implements AuditStore {
  readonly #scripts: ScriptRunner;

  constructor(scripts: ScriptRunner) {
    this.#scripts = scripts;
  }

  async recordAudit(draft: AuditDraft): Promise<void> {
    await this.#scripts.run("recordAudit", ...auditArguments(draft));
  }

  async listAudit(query: AuditQuery): Promise<{ entries: AuditEntry[]; hasMore: boolean }> {
    const { limit, after, target, action } = query;
    const before = auditNumber(after);
    const pairs = listReply(
      await this.#scripts.run(
        "listAudit",
        String(limit + 1),
        before === null ? "" : String(before),
        action ?? "",
        target ?? "",
      ),
    );
    const entries = readable(pairs.slice(0, limit), (pair) => {
      const [no = "", stored = ""] = listReply(pair).map(textOf);
      const [, at, action = "", target = "", text = ""] = STORED.exec(stored) ?? [];
      return auditEntry(Number(no), { at: Number(at), action, target, text });
    });
    return { entries, hasMore: pairs.length > limit };
  }
}
