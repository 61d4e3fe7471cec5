/** How long a call may wait for a task: the same argument of every tool that has one. */

import { z } from "zod";

/** Most clients give up on a call after a minute. */
const MAX_WAIT_SECONDS = 60;
const DEFAULT_WAIT_SECONDS = 30;

const seconds = `a number of seconds from 0 to ${MAX_WAIT_SECONDS}`;

export const waitField = z
  .number({ error: seconds })
  .min(0, seconds)
  .max(MAX_WAIT_SECONDS, seconds)
  .default(DEFAULT_WAIT_SECONDS)
  .meta({
    description:
      "How long the call waits for the end. A task that takes longer is answered as it is then; call get_task again.",
  });
