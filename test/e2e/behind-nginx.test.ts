/** The started program behind an nginx with the very configuration of `docs/reverse-proxy.md`; only places are replaced. */

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireError } from "../../src/protocol/error.ts";
import { describeWithNginx, NginxServer } from "../fixture/nginx.ts";
import { type Report, WAYS } from "../fixture/proxied-client.ts";
import { ADMIN_KEY, BOOTSTRAP_KEY, ServerProcess, temporaryFolder } from "../fixture/server-process.ts";
import { freePort } from "../fixture/workerd.ts";

const PAGE = readFileSync(resolve(import.meta.dirname, "../../docs/reverse-proxy.md"), "utf8");
const CLIENT = resolve(import.meta.dirname, "../fixture/proxied-client.ts");
/** Two starts and a client that follows five tasks of a second, on a busy machine. */
const OPEN_MS = 60_000;
const OVER_THE_LIMIT = 10 * 1_048_576 + 1;

type Variant = {
  name: string;
  /** Of the page, with the variant's server or location. */
  heading: string;
  scheme: "http" | "https";
  prefix: string;
  /** Settings of the gateway, given the address that clients use. */
  env: (base: string) => Record<string, string>;
};
const PLAIN: Variant = {
  name: "plain",
  heading: "Plain",
  scheme: "http",
  prefix: "",
  env: () => ({ CONDUITLLM__SERVER__TRUSTPROXY: "true" }),
};
const VARIANTS: Variant[] = [
  PLAIN,
  { ...PLAIN, name: "with TLS", heading: "With TLS", scheme: "https" },
  {
    ...PLAIN,
    name: "under a prefix",
    heading: "Under a prefix",
    prefix: "/conduit",
    env: (base) => ({ CONDUIT_PUBLIC_URL: base }),
  },
];
const OPENSSL_MISSING =
  Bun.which("openssl") === null ? " (skipped: openssl, which makes the certificate, is missing)" : null;

/** The nginx blocks below a heading of the page. */
function blocks(heading: string): string[] {
  const section = PAGE.split(/^#{2,3} /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  return [...section.matchAll(/^```nginx\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
}

/** The text with a place of its own in the place of the documented one. */
function moved(text: string, documented: string, own: string): string {
  if (!text.includes(documented)) throw new Error(`the page no longer says ${documented}:\n${text}`);
  return text.replaceAll(documented, own);
}

class Setup {
  readonly base: string;
  readonly #variant: Variant;
  readonly #folder: string;
  readonly #port: number;
  readonly #cleanups: (() => Promise<unknown>)[] = [];
  #gateway: ServerProcess | null = null;

  private constructor(variant: Variant, folder: string) {
    this.#variant = variant;
    this.#folder = folder;
    this.#port = freePort();
    this.base = `${variant.scheme}://127.0.0.1:${this.#port}${variant.prefix}`;
  }

  static async open(variant: Variant): Promise<Setup> {
    const { path, remove } = await temporaryFolder();
    const setup = new Setup(variant, path);
    setup.#cleanups.push(remove);
    try {
      await setup.#start();
      return setup;
    } catch (error) {
      await setup.close();
      throw error;
    }
  }

  get certificate(): string {
    return join(this.#folder, "certificate.pem");
  }

  get #key(): string {
    return join(this.#folder, "key.pem");
  }

  get accessLog(): string {
    return join(this.#folder, "access.log");
  }

  async #start(): Promise<void> {
    const { scheme, env } = this.#variant;
    if (scheme === "https") await this.#certify();
    const gateway = await ServerProcess.start({
      dataDir: this.#folder,
      env: {
        // Otherwise every page of this machine may call.
        CONDUITLLM__CORS__ORIGINS: "https://app.example.com",
        CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: String(WAYS.length),
        ...env(this.base),
      },
    });
    this.#gateway = gateway;
    this.#cleanups.push(() => gateway.kill());
    await this.nginx("nginx", this.#server());
  }

  /** Starts an nginx with a `server` block, in a folder of its own. */
  async nginx(name: string, server: string): Promise<void> {
    const [shared = "", proxy = ""] = blocks("nginx");
    const upstream = new URL(this.#gateway?.url ?? "").host;
    const started = await NginxServer.start({
      folder: join(this.#folder, name),
      http: moved(shared, "127.0.0.1:8787", upstream) + server,
      files: { "conduit-proxy.conf": moved(proxy, "/var/log/nginx/conduit.log", this.accessLog) },
    });
    this.#cleanups.push(() => started.stop());
  }

  #server(): string {
    const { heading, scheme, prefix } = this.#variant;
    const [block = ""] = blocks(heading);
    const address = `127.0.0.1:${this.#port}`;
    if (prefix !== "") return `server {\nlisten ${address};\n${block}}\n`;
    if (scheme === "http") return moved(block, "listen 80;", `listen ${address};`);
    const secured = moved(block, "/etc/ssl/conduit/fullchain.pem", this.certificate);
    return moved(
      moved(secured, "/etc/ssl/conduit/privkey.pem", this.#key),
      "listen 443 ssl;",
      `listen ${address} ssl;`,
    );
  }

  async #certify(): Promise<void> {
    const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
    const files = ["-keyout", this.#key, "-out", this.certificate];
    const made = Bun.spawn(["openssl", ...request, ...names, ...files], { stdout: "ignore", stderr: "pipe" });
    if ((await made.exited) !== 0) throw new Error(await new Response(made.stderr).text());
  }

  /** What a client of another process is told, which trusts the certificate as clients do. */
  async report(): Promise<Report> {
    const trusted = this.#variant.scheme === "https" ? { NODE_EXTRA_CA_CERTS: this.certificate } : {};
    const client = Bun.spawn([process.execPath, CLIENT, this.base, BOOTSTRAP_KEY], {
      env: { PATH: process.env.PATH, ...trusted },
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#cleanups.push(async () => client.kill());
    const [output, problems] = await Promise.all([
      new Response(client.stdout).text(),
      new Response(client.stderr).text(),
    ]);
    if ((await client.exited) !== 0) throw new Error(`the client failed:\n${problems}`);
    return JSON.parse(output) as Report;
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", `Bearer ${BOOTSTRAP_KEY}`);
    const tls =
      this.#variant.scheme === "https" ? { tls: { ca: await readFile(this.certificate, "utf8") } } : {};
    return fetch(this.base + path, { ...init, headers, ...tls });
  }

  async close(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }
}

describeWithNginx("behind an nginx that is configured as documented", () => {
  for (const variant of VARIANTS) {
    const reason = variant.scheme === "https" ? OPENSSL_MISSING : null;
    describe.skipIf(reason !== null)(`${variant.name}${reason ?? ""}`, () => {
      let setup: Setup;
      let report: Report;
      beforeAll(async () => {
        setup = await Setup.open(variant);
        report = await setup.report();
      }, OPEN_MS);
      afterAll(() => setup?.close());

      test.each(WAYS)("a task is followed while it runs and to its end over %s", (way) => {
        const { meanwhile, end, task, picture } = report[way];
        expect({ meanwhile, end, status: task.status, picture }).toEqual({
          meanwhile: "running",
          end: "completed",
          status: "completed",
          picture: "200 image/png",
        });
      });

      test("every address that is handed out is one of the proxy's", () => {
        const { accepted, task } = report["an event stream"];
        const { statusUrl, eventsUrl, cancelUrl } = accepted;
        const addresses = [statusUrl, eventsUrl, cancelUrl, task.result?.images?.[0]?.url ?? ""];
        for (const address of addresses) expect(address.startsWith(`${setup.base}/v1/`), address).toBe(true);
      });

      test("pages of the proxy's own address may call, those of another may not", async () => {
        const allowed = async (origin: string) => {
          const response = await setup.request("/v1/models", { headers: { origin } });
          expect(response.status).toBe(200);
          return response.headers.get("access-control-allow-origin");
        };
        const own = new URL(setup.base).origin;
        expect(await allowed(own)).toBe(own);
        expect(await allowed("https://other.example.com")).toBeNull();
      });

      test("the access log tells of every request and of no key", async () => {
        const log = await readFile(setup.accessLog, "utf8");
        expect(log).toContain(`"GET ${variant.prefix}/hubs/tasks" 101 `);
        expect(log).not.toContain("access_token");
        expect(log).not.toContain(BOOTSTRAP_KEY);
      });
    });
  }

  describe("whatever the variant", () => {
    let setup: Setup;
    beforeAll(async () => {
      setup = await Setup.open(PLAIN);
    }, OPEN_MS);
    afterAll(() => setup?.close());

    test("a body over the gateway's limit is refused by the gateway, whose error a client can read", async () => {
      const response = await setup.request("/v1/images/generations/async", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "a".repeat(OVER_THE_LIMIT),
      });
      expect(response.status).toBe(413);
      const { error }: WireError = await response.json();
      expect(error.code).toBe("payload_too_large");
    });

    test("operators' routes can be kept from the outside, while probes and clients get through", async () => {
      const [server = ""] = blocks("Plain");
      const [closed = ""] = blocks("Not for everybody");
      const address = `127.0.0.1:${freePort()}`;
      const listening = moved(server, "listen 80;", `listen ${address};`);
      await setup.nginx("closed", moved(listening, "    location / {", `${closed}    location / {`));
      const status = async (path: string, key: string) => {
        const headers = { authorization: `Bearer ${key}` };
        return (await fetch(`http://${address}${path}`, { headers })).status;
      };
      for (const path of ["/admin/v1/keys", "/metrics", "/metrics/", "/health", "/health/"]) {
        expect(await status(path, ADMIN_KEY), path).toBe(404);
        expect(
          (await setup.request(path, { headers: { authorization: `Bearer ${ADMIN_KEY}` } })).status,
        ).toBe(200);
      }
      for (const path of ["/health/ready", "/health/live", "/v1/models"])
        expect(await status(path, BOOTSTRAP_KEY), path).toBe(200);
    });
  });
});
