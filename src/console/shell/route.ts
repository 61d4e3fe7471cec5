/** Where in the console one is: the address behind `#`, which no server sees. */

import { useSyncExternalStore } from "react";

export type Route = {
  /** Without slashes at its ends. */
  path: string;
  query: URLSearchParams;
  /** What stands in the place of the colons of the page's path. */
  parameters: Readonly<Record<string, string>>;
};

/** What is behind `#` in an address of the console. */
export function hashRouteOf(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  return { path: path.replace(/^\/+|\/+$/g, ""), query: new URLSearchParams(query), parameters: {} };
}

/** The route if it leads to a page of this path, with its parameters; else null. */
export function matchRoute(path: string, route: Route): Route | null {
  const wanted = path.split("/");
  const given = route.path.split("/");
  if (wanted.length !== given.length) return null;
  const parameters: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const text = given[index] ?? "";
    if (part.startsWith(":")) parameters[part.slice(1)] = decoded(text);
    else if (part !== text) return null;
  }
  return { ...route, parameters };
}

/** The address of a page. Parts of the query that are empty or absent are left out. */
export function hrefOf(
  path: string,
  query: Readonly<Record<string, string | null | undefined>> = {},
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) search.set(name, value);
  return `#/${path}${search.size === 0 ? "" : `?${search}`}`;
}

export function goTo(href: string): void {
  window.location.hash = href;
}

/** The hash of the address, as it is now. */
export function useHash(): string {
  return useSyncExternalStore(listen, () => window.location.hash);
}

function listen(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

/** The text without its percent signs; as it is where they stand for nothing. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
