/** Bounds on free-form JSON that callers hand in: options and metadata of their own. */

/** No known provider's options are nested deeper; bounded because JSON is walked recursively. */
export const MAX_JSON_DEPTH = 32;

/** Whether `value` is a JSON object of at most `maxBytes` as UTF-8, nested at most `MAX_JSON_DEPTH` deep. */
export function isBoundedObject(value: unknown, maxBytes: number): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return (
    withinDepth(value, MAX_JSON_DEPTH) &&
    new TextEncoder().encode(JSON.stringify(value)).byteLength <= maxBytes
  );
}

function withinDepth(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth === 0) return false;
  const items: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return items.every((item) => withinDepth(item, depth - 1));
}
