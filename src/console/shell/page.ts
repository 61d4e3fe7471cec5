/** What a page of the console is. */

import type { ComponentType } from "react";
import type { IconName } from "../design/icon.tsx";
import type { Route } from "./route.ts";

export type PageProps = { route: Route };

export type Page = {
  /** Behind `#/`; a part that begins with a colon is any text, and the view finds it in `route.parameters`. */
  path: string;
  title: string;
  /** In the menu; null: the page is not in it. */
  icon: IconName | null;
  view: ComponentType<PageProps>;
};
