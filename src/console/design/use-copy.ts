/** Puts text on the clipboard, and says so. */

import { useCallback } from "react";
import { useToast } from "./toasts.tsx";

/** `said` is shown once it is there: `Copied as curl.` */
export function useCopy(): (text: string, said: string) => void {
  const toast = useToast();
  return useCallback(
    (text, said) => {
      const copied = async () => {
        try {
          await navigator.clipboard.writeText(text);
          toast({ tone: "good", text: said });
        } catch {
          // Browsers give pages without TLS no clipboard.
          toast({ tone: "bad", text: "The browser did not let the page copy. Select the text instead." });
        }
      };
      void copied();
    },
    [toast],
  );
}
