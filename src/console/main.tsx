/** The console: a page that works with this gateway through its client. */

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { PAGES } from "./pages.tsx";
import { Console } from "./shell/console.tsx";
import { applyTheme } from "./shell/theme.ts";

applyTheme();
const root = document.getElementById("root");
if (root === null) throw new Error("The document has no place for the console.");
createRoot(root).render(
  <StrictMode>
    <Console pages={PAGES} />
  </StrictMode>,
);
