/** Lists of keys by what they are called and whether they are enabled. */

import type { AccountStore } from "./account-store.ts";
import type { VirtualKey } from "./virtual-key.ts";

/** Keys of one read. */
const READ = 100;
/** Keys that one search looks at: a few dozen milliseconds of the store. */
const MAX_LOOKED_AT = 2_000;

export type KeySearch = {
  /** 1 to 100. */
  readonly limit: number;
  /** The `after` of the page before. */
  readonly after: string | null;
  readonly enabled?: boolean | undefined;
  /** A part of the name, in any letter case. */
  readonly name?: string | undefined;
};

/** A page, newest first; `after` asks for the next one. With a filter it may be empty although there are more. */
export type FoundKeys = { keys: VirtualKey[]; hasMore: boolean; after: string | null };

export async function searchKeys(
  store: Pick<AccountStore, "listKeys">,
  { limit, after, enabled, name }: KeySearch,
): Promise<FoundKeys> {
  if (enabled === undefined && name === undefined) {
    const page = await store.listKeys(limit, after);
    return { ...page, after: page.keys.at(-1)?.id ?? null };
  }
  const part = name?.toLowerCase() ?? "";
  const matches = (key: VirtualKey) =>
    (enabled === undefined || key.enabled === enabled) && key.name.toLowerCase().includes(part);
  const found: VirtualKey[] = [];
  let cursor = after;
  for (let looked = 0; looked < MAX_LOOKED_AT; looked += READ) {
    const page = await store.listKeys(READ, cursor);
    for (const [index, key] of page.keys.entries()) {
      cursor = key.id;
      if (!matches(key)) continue;
      found.push(key);
      const more = page.hasMore || index < page.keys.length - 1;
      if (found.length === limit) return { keys: found, hasMore: more, after: cursor };
    }
    if (!page.hasMore) return { keys: found, hasMore: false, after: cursor };
  }
  return { keys: found, hasMore: true, after: cursor };
}
