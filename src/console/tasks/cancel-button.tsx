/** Ends a task. */

import { useState } from "react";
import { useToast } from "../design/toasts.tsx";
import { useSession } from "../shell/session.ts";

export function CancelButton({ taskId }: { taskId: string }) {
  const { client } = useSession();
  const toast = useToast();
  const [asked, setAsked] = useState(false);
  const cancel = async () => {
    setAsked(true);
    try {
      await client.tasks.cancel(taskId);
    } catch (error) {
      toast({ tone: "bad", text: error instanceof Error ? error.message : String(error) });
      setAsked(false);
    }
  };
  return (
    <button className="button small danger" type="button" disabled={asked} onClick={() => void cancel()}>
      Cancel
    </button>
  );
}
