/** The menu, and beside it the page that the address names. */

import { Suspense, useEffect, useRef, useState } from "react";
import { Icon } from "../design/icon.tsx";
import { Empty } from "../design/notice.tsx";
import { Chip } from "../design/status-chip.tsx";
import { useLive } from "./live.tsx";
import type { Page } from "./page.ts";
import { hashRouteOf, hrefOf, matchRoute, useHash } from "./route.ts";
import { useSession } from "./session.ts";
import { THEMES, useTheme } from "./theme.ts";

const CONTENT = "content";

export function PageFrame({ pages }: { pages: readonly Page[] }) {
  const route = hashRouteOf(useHash());
  const [page, matched] = pageOf(pages, route);
  const main = useRef<HTMLElement>(null);
  const shown = useRef(route.path);
  useEffect(() => {
    document.title = page === null ? "Conduit" : `${page.title} - Conduit`;
    // Who goes on by keyboard or screen reader begins at the new page.
    if (shown.current !== route.path) main.current?.focus();
    shown.current = route.path;
  }, [page, route.path]);
  return (
    <div className="frame">
      <a className="button skip" href={`#${CONTENT}`} onClick={(event) => skip(event, main.current)}>
        Skip to the content
      </a>
      <Side pages={pages} current={page} />
      <main className="page" id={CONTENT} ref={main} tabIndex={-1}>
        {page === null ? (
          <Empty alone title="There is no such page">
            <a href={hrefOf("")}>Go to the playground</a>
          </Empty>
        ) : (
          <Suspense fallback={<p className="muted">Loading…</p>}>
            <page.view key={page.path} route={matched} />
          </Suspense>
        )}
      </main>
    </div>
  );
}

function Side({ pages, current }: { pages: readonly Page[]; current: Page | null }) {
  const [open, setOpen] = useState(false);
  // The page of one task belongs to the list of tasks.
  const isCurrent = ({ path }: Page) =>
    current !== null && (path === current.path || (path !== "" && current.path.startsWith(`${path}/`)));
  return (
    <header className={open ? "side open" : "side"}>
      <a className="brand" href={hrefOf("")}>
        <Icon name="logo" />
        Conduit
      </a>
      <button
        className="button quiet menu-button"
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Icon name={open ? "close" : "menu"} />
        Menu
      </button>
      <nav aria-label="Pages">
        <ul className="menu">
          {pages.map((page) => {
            if (page.icon === null) return null;
            return (
              <li key={page.path}>
                <a
                  href={hrefOf(page.path)}
                  aria-current={isCurrent(page) ? "page" : undefined}
                  onClick={() => setOpen(false)}
                >
                  <Icon name={page.icon} />
                  {page.title}
                </a>
              </li>
            );
          })}
        </ul>
      </nav>
      <SideEnd />
    </header>
  );
}

function SideEnd() {
  const { key, signOut } = useSession();
  const { isLive } = useLive();
  const [theme, setTheme] = useTheme();
  const name = "ephemeral" in key ? key.subject : key.name;
  return (
    <div className="side-end">
      <div role="status">
        <Chip tone={isLive ? "good" : "warn"}>{isLive ? "Live" : "Connecting…"}</Chip>
      </div>
      <label className="field">
        <span className="small-text muted">Theme</span>
        <select
          className="input"
          value={theme}
          onChange={({ target }) => setTheme(THEMES.find((known) => known === target.value) ?? "system")}
        >
          {THEMES.map((known) => (
            <option key={known} value={known}>
              {known}
            </option>
          ))}
        </select>
      </label>
      <p className="small-text muted clip" title={name}>
        Key: {name}
      </p>
      <button className="button" type="button" onClick={() => signOut()}>
        Sign out
      </button>
    </div>
  );
}

function pageOf(
  pages: readonly Page[],
  route: ReturnType<typeof hashRouteOf>,
): [Page | null, ReturnType<typeof hashRouteOf>] {
  for (const page of pages) {
    const matched = matchRoute(page.path, route);
    if (matched !== null) return [page, matched];
  }
  return [null, route];
}

/** The address names pages, so a jump within one is made by hand. */
function skip(event: { preventDefault(): void }, main: HTMLElement | null): void {
  event.preventDefault();
  main?.focus();
}
