/** Answers with the files of a page. */

import type { Hono } from "hono";
import { ApiError } from "../../protocol/error.ts";
import type { HttpContext, HttpEnv } from "../exchange.ts";
import type { PageFile, PageFiles } from "./page-files.ts";

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  woff2: "font/woff2",
};
/** One name in the page's folder. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** The name is another one when the file is. */
const KEPT = "public, max-age=31536000, immutable";

/** Mounts `GET /<page>/<file>` for the files of one page but for its document; it takes no key. */
export function mountPageFiles(app: Hono<HttpEnv>, page: string, files: PageFiles): void {
  app.get(`/${page}/:file`, async (c) => {
    const name = c.req.param("file");
    const known = FILE_NAME.test(name) && name !== "index.html";
    const file = known ? await files.read(`${page}/${name}`) : null;
    if (file === null) throw new ApiError("not_found", "There is no such file. Load the page again.");
    c.header("cache-control", KEPT);
    return sendFile(c, name, file);
  });
}

/** The document of a page, under the policy; null where the page was not built. */
export async function answerPage(
  c: HttpContext,
  page: string,
  files: PageFiles,
  policy: string,
): Promise<Response | null> {
  const file = await files.read(`${page}/index.html`);
  if (file === null) return null;
  c.header("cache-control", "no-cache");
  c.header("content-security-policy", policy);
  c.header("cross-origin-opener-policy", "same-origin");
  c.header("referrer-policy", "no-referrer");
  return sendFile(c, "index.html", file);
}

function sendFile(c: HttpContext, name: string, file: PageFile): Response {
  c.header(
    "content-type",
    CONTENT_TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream",
  );
  c.header("x-content-type-options", "nosniff");
  if (file.gzip === null) return c.body(file.body);
  c.header("vary", "accept-encoding", { append: true });
  if (!/\bgzip\b/.test(c.req.header("accept-encoding") ?? "")) return c.body(file.body);
  c.header("content-encoding", "gzip");
  return c.body(file.gzip);
}
