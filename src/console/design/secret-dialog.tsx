/** A secret that is shown once. */

import type { ReactNode } from "react";
import { Dialog } from "./dialog.tsx";
import { useToast } from "./toasts.tsx";

export type SecretDialogProps = {
  title: string;
  secret: string;
  /** What it is for. */
  children: ReactNode;
  onClose(): void;
};

export function SecretDialog({ title, secret, children, onClose }: SecretDialogProps) {
  const toast = useToast();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(secret);
      toast({ tone: "good", text: "Copied." });
    } catch {
      toast({ tone: "bad", text: "The browser does not let this page copy; mark the text and copy it." });
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{children}</p>
      <code className="mono secret">{secret}</code>
      <div className="row">
        <button className="button main" type="button" onClick={() => void copy()}>
          Copy
        </button>
        <button className="button" type="button" onClick={onClose}>
          I have it
        </button>
      </div>
    </Dialog>
  );
}
