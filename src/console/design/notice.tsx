/** Sentences that have to be read: what went wrong, and that there is nothing yet. */

import type { ReactNode } from "react";

export type NoticeProps = { tone: "bad" | "warn" | "plain"; children: ReactNode; action?: ReactNode };

export function Notice({ tone, children, action }: NoticeProps) {
  return (
    <div className={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <span>{children}</span>
      {action}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      <p>{children}</p>
    </div>
  );
}
