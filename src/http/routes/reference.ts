/** `GET /openapi.json`: the API described for programs. Open to everybody, pages of other origins too: it says nothing of this deployment. */

import type { Hono } from "hono";
import type { HttpEnv } from "../exchange.ts";
import type { DocumentOptions } from "../reference/document.ts";
import { isUnchanged } from "../request/conditional.ts";

type Written = { readonly text: string; readonly etag: string };

/** Mounts the route. The document is made when it is first asked for, and kept. */
export function mountReference(app: Hono<HttpEnv>, options: DocumentOptions): void {
  let written: Promise<Written> | null = null;

  app.get("/openapi.json", async (c) => {
    written ??= write(options);
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
}

async function write(options: DocumentOptions): Promise<Written> {
  const { openApiDocument } = await import("../reference/document.ts");
  const text = JSON.stringify(openApiDocument(options));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return { text, etag: `"${new Uint8Array(digest).toHex().slice(0, 32)}"` };
}
