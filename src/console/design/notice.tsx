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

export type EmptyProps = {
  title: string;
  /** There is nothing else on the page. */
  alone?: boolean;
  children: ReactNode;
};

export function Empty({ title, alone = false, children }: EmptyProps) {
  return (
    <div className="empty">
      {alone ? <h1>{title}</h1> : <h2>{title}</h2>}
      <p>{children}</p>
    </div>
  );
}

export type LoadProblemProps = {
  /** What could not be loaded, as the beginning of a sentence: `The tasks`. */
  what: string;
  error: Error;
  onRetry(): void;
};

/** Something could not be loaded; a button asks again. */
export function LoadProblem({ what, error, onRetry }: LoadProblemProps) {
  return (
    <Notice
      tone="bad"
      action={
        <button className="button small" type="button" onClick={onRetry}>
          Try again
        </button>
      }
    >
      {what} could not be loaded: {error.message}
    </Notice>
  );
}
