/**
 * `GET /openapi.json`: the API described for programs, and `GET /docs`: the same for people. Both are open to everybody; they say
 * nothing of this deployment.
 */

import type { Hono } from "hono";
import { ApiError } from "../../protocol/error.ts";
import type { HttpEnv } from "../exchange.ts";
import { answerPage, mountPageFiles } from "../pages/page-answer.ts";
import type { PageFiles } from "../pages/page-files.ts";
import { pagePolicy } from "../pages/page-policy.ts";
import type { DocumentOptions } from "../reference/document.ts";
import type { BaseUrlOptions } from "../request/base-url.ts";
import { isUnchanged } from "../request/conditional.ts";

type Written = { readonly text: string; readonly etag: string };

export type ReferenceDependencies = {
  readonly document: DocumentOptions;
  /** Null where no pages come with the gateway. */
  readonly pages: PageFiles | null;
  readonly urls: BaseUrlOptions;
};

const PAGE = "docs";

/** Mounts the routes. The document is made when it is first asked for, and kept. */
export function mountReference(app: Hono<HttpEnv>, { document, pages, urls }: ReferenceDependencies): void {
  let written: Promise<Written> | null = null;

  app.get("/openapi.json", async (c) => {
    written ??= write(document);
    const { text, etag } = await written.catch((error: unknown) => {
      written = null;
      throw error;
    });
    c.header("access-control-allow-origin", "*");
    // It changes with the release alone, and a client that asks again is told so by the tag.
    c.header("cache-control", "no-cache");
    c.header("etag", etag);
    if (isUnchanged(c.req.raw.headers, { etag, modifiedAt: Number.POSITIVE_INFINITY }))
      return c.body(null, 304);
    return c.body(text, 200, { "content-type": "application/json" });
  });

  app.get("/docs", async (c) => {
    // The page names its files from where it is.
    if (new URL(c.req.url, "http://host").pathname.endsWith("/")) return c.redirect("../docs", 308);
    const page = pages === null ? null : await answerPage(c, PAGE, pages, pagePolicy(c.req.raw, urls));
    if (page !== null) return page;
    throw new ApiError(
      "not_found",
      "This page was not built here: `bun run build:pages` builds it. GET /openapi.json is the same for programs.",
    );
  });
  if (pages !== null) mountPageFiles(app, PAGE, pages);
}

async function write(options: DocumentOptions): Promise<Written> {
  const { openApiDocument } = await import("../reference/document.ts");
  const text = JSON.stringify(openApiDocument(options));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return { text, etag: `"${new Uint8Array(digest).toHex().slice(0, 32)}"` };
}
