/** Pages that few visits need: their code is loaded when they are shown, so that the first load stays small. */

import { type ComponentType, lazy } from "react";
import { Notice } from "../design/notice.tsx";
import type { PageProps } from "./page.ts";

/** `load` imports the page's module. */
export function laterPage(load: () => Promise<ComponentType<PageProps>>): ComponentType<PageProps> {
  return lazy(async () => ({ default: await load().catch(() => Unloadable) }));
}

/** The gateway is away, or is of another version by now, whose files have other names. */
function Unloadable() {
  return (
    <Notice
      tone="bad"
      action={
        <button className="button small" type="button" onClick={() => window.location.reload()}>
          Load the console again
        </button>
      }
    >
      This page could not be loaded from the gateway.
    </Notice>
  );
}
