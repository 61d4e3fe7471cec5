/** How long after its end a task's reservation may wait for the provider's bill, in ms. */
export const CLEANUP_LIMIT_MS = 10 * 60_000;
