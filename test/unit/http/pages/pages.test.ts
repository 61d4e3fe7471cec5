/** The console's document and files: who gets them, under which headers, and that the overview stays for everyone else. */

import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import type { HttpEnv } from "../../../../src/http/exchange.ts";
import type { PageFile, PageFiles } from "../../../../src/http/pages/page-files.ts";
import { mountWelcome } from "../../../../src/http/routes/welcome.ts";
import { ApiError } from "../../../../src/protocol/error.ts";

const BROWSER = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
const UTF8 = new TextEncoder();

function pagesOf(files: Record<string, string>, gzip = false): PageFiles {
  return {
    async read(path): Promise<PageFile | null> {
      const text = files[path];
      if (text === undefined) return null;
      return {
        body: new Uint8Array(UTF8.encode(text)),
        gzip: gzip ? new Uint8Array(UTF8.encode("z")) : null,
      };
    },
  };
}

function appOf(
  pages: PageFiles | null,
  urls: { publicUrl?: string; mediaBaseUrl?: string } = {},
): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.onError((error) => new Response(null, { status: error instanceof ApiError ? error.status : 500 }));
  mountWelcome(app, { pages, urls: { publicUrl: null, trustProxy: false, ...urls } });
  return app;
}

const BUILT = pagesOf({ "console/index.html": "<p>console</p>", "console/main-abc.js": "run()" });

describe("GET /", () => {
  it("answers the console to a browser, under a policy that runs nothing but its own files", async () => {
    const answer = await appOf(BUILT).request("http://gateway.test:8787/", { headers: BROWSER });
    expect(await answer.text()).toBe("<p>console</p>");
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    const policy = answer.headers.get("content-security-policy")?.split("; ");
    expect(policy).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self' ws://gateway.test:8787 wss://gateway.test:8787",
        "frame-ancestors 'none'",
      ]),
    );
    expect(policy?.join()).not.toContain("unsafe");
  });

  it.each([
    ["curl", { accept: "*/*" }],
    ["a library", { accept: "application/json" }],
    ["a client that says nothing", {}],
  ])("answers the overview to %s", async (_, headers) => {
    const answer = await appOf(BUILT).request("/", { headers });
    expect(await answer.json()).toMatchObject({ name: "Conduit", tasks: "/v1/tasks" });
    expect(answer.headers.get("vary")).toBe("accept");
  });

  it.each([
    ["was not built", pagesOf({})],
    ["does not come with this host", null],
  ])("answers the overview to a browser where the console %s", async (_, pages) => {
    const answer = await appOf(pages).request("/", { headers: BROWSER });
    expect(await answer.json()).toMatchObject({ name: "Conduit" });
  });

  it("lets pictures and films come from where results are kept", async () => {
    const app = appOf(BUILT, {
      publicUrl: "https://media.example.com/conduit",
      mediaBaseUrl: "https://cdn.example.com/results",
    });
    const answer = await app.request("http://localhost/", { headers: BROWSER });
    const policy = answer.headers.get("content-security-policy");
    const media = "'self' data: blob: https://media.example.com https://cdn.example.com;";
    expect(policy).toContain(`img-src ${media}`);
    expect(policy).toContain(`media-src ${media}`);
  });
});

describe("the console's files", () => {
  it("are kept by browsers, because a changed file has another name", async () => {
    const answer = await appOf(BUILT).request("/console/main-abc.js");
    expect(await answer.text()).toBe("run()");
    expect(answer.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("leave compressed where the client takes that and only there", async () => {
    const app = appOf(pagesOf({ "console/main-abc.js": "run()" }, true));
    const zipped = await app.request("/console/main-abc.js", { headers: { "accept-encoding": "br, gzip" } });
    expect([await zipped.text(), zipped.headers.get("content-encoding")]).toEqual(["z", "gzip"]);
    const plain = await app.request("/console/main-abc.js");
    expect([await plain.text(), plain.headers.get("content-encoding")]).toEqual(["run()", null]);
    expect(plain.headers.get("vary")).toBe("accept-encoding");
  });

  it.each(["/console/gone-abc.js", "/console/index.html", "/console/..%2Fdocs%2Fmain.js", "/console/.env"])(
    "do not hold %s",
    async (path) => {
      expect((await appOf(BUILT).request(path)).status).toBe(404);
    },
  );
});
