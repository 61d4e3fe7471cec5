/** Words about what was just done, in a corner. A failure stays until it is closed. */

import { createContext, type ReactNode, useCallback, useContext, useState } from "react";
import { Icon } from "./icon.tsx";

export type Toast = { text: string; tone: "good" | "bad" };
type Shown = Toast & { id: number };

const SHOWN_MS = 5_000;
const MOST_SHOWN = 4;
const ToastContext = createContext<(toast: Toast) => void>(() => {});

/** Shows a toast. */
export function useToast(): (toast: Toast) => void {
  return useContext(ToastContext);
}

export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Shown[]>([]);
  const close = useCallback((id: number) => setToasts((before) => before.filter((one) => one.id !== id)), []);
  const show = useCallback(
    (toast: Toast) => {
      const id = nextId();
      setToasts((before) => [...before, { ...toast, id }].slice(-MOST_SHOWN));
      if (toast.tone === "good") setTimeout(() => close(id), SHOWN_MS);
    },
    [close],
  );
  return (
    <ToastContext value={show}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map(({ id, text, tone }) => (
          <div key={id} className={`toast ${tone}`}>
            <span>{text}</span>
            <button className="button quiet small" type="button" onClick={() => close(id)}>
              <Icon name="close" />
              <span className="hidden-text">Close</span>
            </button>
          </div>
        ))}
      </div>
    </ToastContext>
  );
}

let lastId = 0;
function nextId(): number {
  lastId += 1;
  return lastId;
}
