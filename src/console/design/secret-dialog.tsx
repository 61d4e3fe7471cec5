/** A secret that is shown once. */

import type { ReactNode } from "react";
import { closeDialog, Dialog } from "./dialog.tsx";
import { useCopy } from "./use-copy.ts";

export type SecretDialogProps = {
  title: string;
  secret: string;
  /** What it is for. */
  children: ReactNode;
  onClose(): void;
};

export function SecretDialog({ title, secret, children, onClose }: SecretDialogProps) {
  const copy = useCopy();
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{children}</p>
      <code className="mono secret">{secret}</code>
      <div className="row">
        <button className="button main" type="button" onClick={() => copy(secret, "Copied.")}>
          Copy
        </button>
        <button className="button" type="button" onClick={closeDialog}>
          I have it
        </button>
      </div>
    </Dialog>
  );
}
