/** The words by which a provider says how its job is. A new release may bring new ones: those count as running. */

import type { Log } from "../../../tasks/ports/log.ts";

export type JobStatus = "waiting" | "running" | "completed" | "failed" | "cancelled";

/** So many unknown words are logged; a provider that sends random ones must not fill the log. */
const MAX_LOGGED_WORDS = 20;
const SHOWN_CHARACTERS = 40;

/**
 * Reads status words, letter case ignored. A word that is not in the table is `running`, until the task's deadline, and is
 * logged once.
 */
export function createStatusWords(
  provider: string,
  table: Readonly<Record<string, JobStatus>>,
  log: Pick<Log, "warn">,
): (word: unknown) => JobStatus {
  const known = new Map(Object.entries(table).map(([word, status]) => [word.toLowerCase(), status]));
  const logged = new Set<string>();
  return (word) => {
    const spelled = typeof word === "string" ? word : typeof word;
    const status = known.get(spelled.toLowerCase());
    if (status !== undefined) return status;
    const shown = spelled.slice(0, SHOWN_CHARACTERS);
    if (!logged.has(shown) && logged.size < MAX_LOGGED_WORDS) {
      logged.add(shown);
      log.warn("provider sent an unknown status word; it is taken for running", { provider, word: shown });
    }
    return "running";
  };
}
