/** Something that is done on a click: the control rests meanwhile, and what went wrong is shown. */

import { useCallback, useState } from "react";
import { useToast } from "../design/toasts.tsx";

export type Action = {
  /** Whether something is under way. */
  busy: boolean;
  /** Does it; a rejection becomes a toast. */
  perform(work: () => Promise<void>): void;
};

export function useAction(): Action {
  const toast = useToast();
  const [busy, setBusy] = useState(false);
  const perform = useCallback(
    (work: () => Promise<void>) => {
      setBusy(true);
      work()
        .catch((error: unknown) =>
          toast({ tone: "bad", text: error instanceof Error ? error.message : String(error) }),
        )
        .finally(() => setBusy(false));
    },
    [toast],
  );
  return { busy, perform };
}
