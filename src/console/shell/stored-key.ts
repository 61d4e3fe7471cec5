/** The key, kept in the session's storage alone: it goes with the tab, and no other tab has it. */

const STORED = "conduit.key";
const FRAGMENT = /^#key=([^&]+)/;

/**
 * The key of an earlier visit in this tab, or the one in the address (`#key=…`, as a start prints it), which is taken out of the
 * address at once.
 */
export function storedKey(): string | null {
  const [, given] = FRAGMENT.exec(window.location.hash) ?? [];
  if (given === undefined) return read();
  const key = decodeURIComponent(given);
  history.replaceState(null, "", `${window.location.pathname}${window.location.search}#/`);
  storeKey(key);
  return key;
}

export function storeKey(key: string | null): void {
  try {
    if (key === null) sessionStorage.removeItem(STORED);
    else sessionStorage.setItem(STORED, key);
  } catch {
    // Where nothing is kept the key is asked for again after a reload.
  }
}

function read(): string | null {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null;
  }
}
