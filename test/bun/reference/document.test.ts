/** `/openapi.json`: complete, without faults of form, and made only when somebody asks for it. */

import { createConfig, lintFromString } from "@redocly/openapi-core";
import type { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HttpEnv } from "../../../src/http/exchange.ts";
import { OPERATIONS } from "../../../src/http/reference/document.ts";
import { UNSUPPORTED_ENDPOINTS } from "../../../src/http/routes/unsupported.ts";
import { HUB_NAMES } from "../../../src/hubs/hub-names.ts";
import { WEBHOOK_EVENTS } from "../../../src/protocol/webhook.ts";
import { type GatewayWorld, gatewayWorld } from "../../fixture/gateway-world.ts";
import type { OpenApiDocument } from "../../fixture/reference/openapi-document.ts";
import { FakeCallProvider } from "../../fixture/voice/fake-call-provider.ts";

/** Everything that a gateway may offer. */
const OFFERED = {
  env: { CONDUIT_PUBLIC_URL: "https://gateway.example" },
  voice: new FakeCallProvider(),
  pages: { read: async () => null },
};

let world: GatewayWorld;
let text: string;
let document: OpenApiDocument;
beforeAll(async () => {
  world = await gatewayWorld(OFFERED);
  text = await (await world.send("GET", "/openapi.json", { key: null })).text();
  document = JSON.parse(text) as OpenApiDocument;
});
afterAll(() => world.close());

/** Middleware, and refusals of what is not offered, answer every method. */
const EVERY_METHOD = "ALL";

/** The routes of an application in the document's words, those of hubs by the name of each. */
function routesOf(app: Hono<HttpEnv>): string[] {
  const routes = app.routes
    .filter(({ method }) => method !== EVERY_METHOD)
    .map(
      ({ method, path }) =>
        `${method} ${path.replace(/\/\*$/, "/{path}").replace(/:(\w+)(\{[^}]*\})?/g, "{$1}")}`,
    );
  return [...new Set(routes)].sort();
}

function describedRoutes(): string[] {
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).flatMap((method) => {
      const paths = path.includes("{hub}") ? HUB_NAMES.map((name) => path.replace("{hub}", name)) : [path];
      return paths.map((one) => `${method.toUpperCase()} ${one}`);
    }),
  );
  return routes.sort();
}

describe("the document", () => {
  test("describes every route that there is, and no other", () => {
    expect(routesOf(world.app)).toEqual(describedRoutes());
  });

  test("says in its introduction which of OpenAI's endpoints are refused, which are all that answer any method", () => {
    const refused = new Set(UNSUPPORTED_ENDPOINTS.flatMap(([, paths]) => paths));
    const answering = world.app.routes.filter(({ method, path }) => method === EVERY_METHOD && path !== "/*");
    expect(new Set(answering.map(({ path }) => path))).toEqual(refused);
    for (const path of refused) expect(document.info.description).toContain(`\`${path}\``);
  });

  test("has no fault that a linter finds", async () => {
    const config = await createConfig({
      extends: ["recommended"],
      rules: {
        // Media and models are read by whoever has the address, and probes can go wrong only with the server.
        "operation-4xx-response": "off",
        // A request that becomes a WebSocket is answered with 101.
        "operation-2xx-response": "off",
        // `/v1/videos/{id}` stands beside `/v1/videos/generations/async`: what is written out goes first.
        "no-ambiguous-paths": "off",
      },
    });
    const problems = await lintFromString({ source: text, config });
    expect(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual(
      [],
    );
  });

  test("describes every kind of message that webhooks are sent", () => {
    expect(Object.keys(document.webhooks).sort()).toEqual([...WEBHOOK_EVENTS, "endpoint.ping"].sort());
  });

  test("says of every route in a few words what it does, and of every parameter what it means", () => {
    for (const { id, summary, parameters = [] } of OPERATIONS) {
      expect([id, summary.length > 5 && summary.length < 80 && !summary.endsWith(".")]).toEqual([id, true]);
      for (const { name, description } of parameters)
        expect([id, name, description.length > 5]).toEqual([id, name, true]);
    }
  });

  test("names each of its schemas somewhere", () => {
    const used = new Set([...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name));
    expect(Object.keys(document.components.schemas).filter((name) => !used.has(name))).toEqual([]);
  });
});

describe("GET /openapi.json", () => {
  test("takes no key, and is open to pages of every origin", async () => {
    const response = await world.send("GET", "/openapi.json", {
      key: null,
      headers: { origin: "https://editor.example" },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(document.openapi).toBe("3.1.0");
    expect(document.servers).toEqual([{ url: "https://gateway.example" }]);
  });

  test("is not sent again to whoever has it", async () => {
    const first = await world.send("GET", "/openapi.json", { key: null });
    const etag = first.headers.get("etag") ?? "";
    const again = await world.send("GET", "/openapi.json", { key: null, headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  test("bounds what callers send by the settings of this gateway", async () => {
    const other = await gatewayWorld({ env: { CONDUITLLM__LIMITS__PROMPTCHARACTERS: "123" } });
    try {
      const response = await other.send("GET", "/openapi.json");
      const { components, servers } = (await response.json()) as OpenApiDocument;
      expect(components.schemas.CreateImage).toMatchObject({ properties: { prompt: { maxLength: 123 } } });
      expect(servers).toEqual([{ url: "/" }]);
    } finally {
      await other.close();
    }
  });
});
