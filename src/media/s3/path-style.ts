/** How the buckets of an endpoint are addressed. */

const AWS_HOST = /\.amazonaws\.com(?:\.cn)?$/;

/** Whether an endpoint has its buckets in the path where the operator does not say: all do but AWS's own. */
export function usualPathStyle(endpoint: string): boolean {
  return !AWS_HOST.test(new URL(endpoint).hostname);
}
