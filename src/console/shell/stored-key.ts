/** The keys, kept in the session's storage alone: they go with the tab, and no other tab has them. */

import { decoded } from "./route.ts";

const STORED = "conduit.key";
const STORED_ADMIN = "conduit.adminKey";
const FRAGMENT = /^#key=([^&]+)/;

/** The key of an earlier visit in this tab, or the one in the address, which is taken out of it. */
export function storedKey(): string | null {
  const given = takeGivenKey();
  if (given === null) return read(STORED);
  storeKey(given);
  return given;
}

/** The key in the address (`#key=…`, as a start prints it), which is taken out of it at once; null: there is none. */
export function takeGivenKey(): string | null {
  const [, given] = FRAGMENT.exec(window.location.hash) ?? [];
  if (given === undefined) return null;
  history.replaceState(null, "", `${window.location.pathname}${window.location.search}#/`);
  return decoded(given);
}

export function storeKey(key: string | null): void {
  store(STORED, key);
}

/** The admin key of an earlier visit in this tab. */
export function storedAdminKey(): string | null {
  return read(STORED_ADMIN);
}

export function storeAdminKey(key: string | null): void {
  store(STORED_ADMIN, key);
}

function store(name: string, key: string | null): void {
  try {
    if (key === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, key);
  } catch {
    // Where nothing is kept the key is asked for again after a reload.
  }
}

function read(name: string): string | null {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}
