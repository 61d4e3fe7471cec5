/** A dialog of the browser's own: it holds the focus, and Escape closes it. */

import { type MouseEvent, type ReactNode, useEffect, useId, useRef } from "react";
import { Icon } from "./icon.tsx";

export type DialogProps = {
  title: string;
  onClose(): void;
  children: ReactNode;
};

/** Open for as long as it is rendered. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const shown = dialog.current;
    if (shown !== null && !shown.open) shown.showModal();
  }, []);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={titleId} onClose={onClose}>
      <div className="content">
        <div className="row apart">
          <h2 id={titleId}>{title}</h2>
          <button className="button quiet small" type="button" onClick={() => dialog.current?.close()}>
            <Icon name="close" />
            <span className="hidden-text">Close</span>
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}

/** Closes the dialog that a button is in; as with Escape, the focus goes back to where it was before. */
export function closeDialog({ currentTarget }: MouseEvent<HTMLElement>): void {
  currentTarget.closest("dialog")?.close();
}

export type ConfirmProps = {
  title: string;
  /** What will happen. */
  text: string;
  /** The word on the button that does it. */
  action: string;
  onConfirm(): void;
  onClose(): void;
};

/** Asks before something that cannot be undone. */
export function Confirm({ title, text, action, onConfirm, onClose }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <div className="row">
        <button
          className="button main"
          type="button"
          onClick={(event) => {
            closeDialog(event);
            onConfirm();
          }}
        >
          {action}
        </button>
        <button className="button" type="button" onClick={closeDialog}>
          Leave it
        </button>
      </div>
    </Dialog>
  );
}
