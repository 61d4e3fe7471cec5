/** The time, for what counts up on the page. */

import { useEffect, useState } from "react";

const TICK_MS = 250;

/** Milliseconds since the epoch; stands still while it is not `running`. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
