/** What a process's transport must do, over real sockets of this machine. */

import http, { type RequestListener } from "node:http";
import https from "node:https";
import { type AddressInfo, createServer, type Server } from "node:net";
import process from "node:process";
import { afterEach, describe, expect, test } from "vitest";
import type { FetchError } from "../../src/fetch/fetch-error.ts";
import { createGuardedFetch, type GuardedRequest } from "../../src/fetch/guarded-fetch.ts";
import { createNodeTransport, type NodeTransportOptions } from "../../src/runtime/process/node-transport.ts";
import { systemClock } from "../../src/tasks/ports/clock.ts";
import { CERTIFICATE, PRIVATE_KEY } from "../fixture/certificate.ts";
import { ManualClock } from "../fixture/manual-clock.ts";

const HOST = "pictures.example.org";
const LOOPBACK = { address: "127.0.0.1", family: 4 };
/** Stands for an address of the public internet. */
const OUTSIDE = { address: "127.0.0.2", family: 4 };
const REQUEST: GuardedRequest = {
  maxBytes: 1_000_000,
  maxRedirects: 3,
  timeouts: { connectMs: 10_000, headersMs: 10_000, chunkMs: 10_000, totalMs: 20_000 },
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listening(server: Server, host = LOOPBACK.address, wanted = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(wanted, host, resolve);
  });
  cleanups.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        if ("closeAllConnections" in server) (server as http.Server).closeAllConnections();
      }),
  );
  return (server.address() as AddressInfo).port;
}

/** A server on an address of this machine that says who it is. */
async function namedServer(host: string, name: string, wanted = 0) {
  let requests = 0;
  const server = http.createServer((_request, response) => {
    requests += 1;
    response.end(name);
  });
  return { port: await listening(server, host, wanted), requests: () => requests };
}

/** A server, and a guarded fetch for which its name stands for `addresses`: one list for each lookup. */
async function world(
  answer: RequestListener,
  addresses: (typeof LOOPBACK)[][],
  { secure = false, allowed = [HOST], ca }: { secure?: boolean; allowed?: string[]; ca?: string } = {},
) {
  let requests = 0;
  let lookups = 0;
  const listener: RequestListener = (request, response) => {
    requests += 1;
    answer(request, response);
  };
  const server = secure
    ? https.createServer({ key: PRIVATE_KEY, cert: CERTIFICATE }, listener)
    : http.createServer(listener);
  const port = await listening(server);
  const options: NodeTransportOptions = {
    resolve: async () => {
      lookups += 1;
      return addresses[Math.min(lookups, addresses.length) - 1] ?? [];
    },
    ...(ca !== undefined && { ca }),
  };
  const guarded = createGuardedFetch(createNodeTransport(options), systemClock, {
    allowHttp: true,
    allowedHosts: new Set(allowed),
  });
  const get = (host = HOST, path = "/fox.png?a=b", request: Partial<GuardedRequest> = {}) =>
    guarded.fetch(`${secure ? "https" : "http"}://${host}:${port}${path}`, { ...REQUEST, ...request });
  const failure = (host?: string, path?: string, request?: Partial<GuardedRequest>) =>
    get(host, path, request)
      .then(async ({ body }) => `answered ${await new Response(body).text()}`)
      .catch((error: FetchError) => error.failure);
  return { get, failure, port, requests: () => requests, lookups: () => lookups };
}

export function describeNodeTransport(host: string): void {
  describe(`a guarded fetch under ${host}`, () => {
    test("asks the address that its lookup named, under the name", async () => {
      const { get, port, lookups } = await world(
        (request, response) => {
          response.setHeader("x-path", request.url ?? "");
          response.setHeader("set-cookie", ["a=1", "b=2"]);
          response.end(request.headers.host);
        },
        [[LOOPBACK]],
      );
      const { status, headers, body } = await get();
      expect(await new Response(body).text()).toBe(`${HOST}:${port}`);
      expect([status, headers.get("x-path"), lookups()]).toEqual([200, "/fox.png?a=b", 1]);
    });

    test("sends a body", async () => {
      const { get } = await world(
        async (request, response) => {
          const chunks: Uint8Array[] = [];
          for await (const chunk of request) chunks.push(chunk as Uint8Array);
          response.end(`${request.method} ${Buffer.concat(chunks)}`);
        },
        [[LOOPBACK]],
      );
      const { body } = await get(HOST, "/", {
        method: "POST",
        body: new TextEncoder().encode("{}"),
        maxRedirects: 0,
      });
      expect(await new Response(body).text()).toBe("POST {}");
    });

    test.each([
      ["a private address", [LOOPBACK]],
      ["a private address among public ones", [{ address: "93.184.215.14", family: 4 }, LOOPBACK]],
      ["a mapped address", [{ address: "::ffff:127.0.0.1", family: 6 }]],
    ])("connects to nothing when the name stands for %s", async (_what, addresses) => {
      const { failure, requests } = await world((_request, response) => response.end("secret"), [addresses], {
        allowed: [],
      });
      expect(await failure()).toBe("refused");
      expect(requests()).toBe(0);
    });

    test("looks a name up once for each connection, and judges every answer", async () => {
      // Allowed for the first request alone: the second answer of the same name is judged like the first.
      const { failure, requests, lookups } = await world(
        (_request, response) => response.end("secret"),
        [[{ address: "10.255.255.1", family: 4 }], [LOOPBACK]],
        { allowed: [] },
      );
      expect(await failure()).toBe("refused");
      expect(await failure()).toBe("refused");
      expect([requests(), lookups()]).toEqual([0, 2]);
    });

    test("stays with the address that was judged, and judges the next one, when a name is public first and private later", async () => {
      const outside = await namedServer("127.0.0.2", "outside");
      const inside = await namedServer("127.0.0.1", "inside", outside.port);
      const addresses = [OUTSIDE, LOOPBACK];
      let lookups = 0;
      const transport = createNodeTransport({
        resolve: async () => [addresses[lookups++] ?? LOOPBACK],
        isPublic: (address) => address === OUTSIDE.address,
      });
      const policy = { allowHttp: true, allowedHosts: new Set<string>() };
      const guarded = createGuardedFetch(transport, systemClock, policy);
      const get = () => guarded.fetch(`http://${HOST}:${outside.port}/`, REQUEST);
      const { body } = await get();
      expect(await new Response(body).text()).toBe("outside");
      expect(lookups).toBe(1);
      await expect(get()).rejects.toMatchObject({ failure: "refused" });
      expect([lookups, outside.requests(), inside.requests()]).toEqual([2, 1, 0]);
    });

    test("does not follow a redirect from an allowed host to this machine", async () => {
      const { failure, requests } = await world(
        (_request, response) => response.writeHead(302, { location: "http://169.254.169.254/" }).end(),
        [[LOOPBACK]],
      );
      expect(await failure()).toBe("refused");
      expect(requests()).toBe(1);
    });

    test("reaches nobody when the name has no address or the port is closed", async () => {
      expect(await (await world(() => {}, [[]])).failure()).toBe("unreachable");
      const { port, failure } = await world(() => {}, [[LOOPBACK]]);
      for (const cleanup of cleanups.splice(0)) await cleanup();
      expect(port).toBeGreaterThan(0);
      expect(await failure()).toBe("unreachable");
    });

    test("obeys no proxy variable", async () => {
      const seen: (string | undefined)[] = [];
      const proxy = http.createServer((request, response) => {
        seen.push(request.url);
        response.end("proxied");
      });
      const port = await listening(proxy);
      for (const name of ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
        setVariable(name, `http://127.0.0.1:${port}`);
      setVariable("NODE_USE_ENV_PROXY", "1");
      const { failure } = await world((_request, response) => response.end("direct"), [[LOOPBACK]]);
      expect(await failure()).toBe("answered direct");
      expect(seen).toEqual([]);
    });

    test("leaves a server that never stops sending", async () => {
      const closed = Promise.withResolvers<void>();
      const { failure } = await world(
        (_request, response) => {
          const send = () => {
            if (!response.destroyed && response.write(new Uint8Array(65_536))) setImmediate(send);
            else response.once("drain", send);
          };
          response.on("error", () => {}).on("close", closed.resolve);
          send();
        },
        [[LOOPBACK]],
      );
      expect(await failure()).toBe("too_large");
      await closed.promise;
    });

    test("is unreachable when the answer breaks off", async () => {
      const { failure } = await world(
        (_request, response) => {
          response.writeHead(200, { "content-length": "100" });
          response.write("half", () => response.destroy());
        },
        [[LOOPBACK]],
      );
      expect(await failure()).toBe("unreachable");
    });

    test("is unreachable when the server speaks no HTTP", async () => {
      const port = await listening(createServer((socket) => socket.resume().end("SSH-2.0-OpenSSH_9.6\r\n")));
      const guarded = createGuardedFetch(createNodeTransport(), systemClock, {
        allowHttp: true,
        allowedHosts: new Set(["127.0.0.1"]),
      });
      await expect(guarded.fetch(`http://127.0.0.1:${port}/`, REQUEST)).rejects.toMatchObject({
        failure: "unreachable",
      });
    });

    test.each([
      ["connect", "https", ""],
      ["answer", "http", ""],
      ["go on with its answer", "http", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"],
    ])("leaves a server that does not %s", async (_phase, scheme, said) => {
      const reached = Promise.withResolvers<void>();
      const closed = Promise.withResolvers<void>();
      const server = createServer((socket) => {
        socket.on("close", () => closed.resolve()).on("error", () => {});
        socket.once("data", () => {
          socket.write(said);
          reached.resolve();
        });
      });
      const port = await listening(server);
      const clock = new ManualClock();
      const guarded = createGuardedFetch(createNodeTransport(), clock, {
        allowHttp: true,
        allowedHosts: new Set(["127.0.0.1"]),
      });
      const ended = guarded
        .fetch(`${scheme}://127.0.0.1:${port}/`, REQUEST)
        .then(({ body }) => new Response(body).text())
        .catch((error: FetchError) => error.failure);
      await reached.promise;
      // Whatever has arrived by now: the longest of the limits ends it.
      for (let second = 0; second < 20; second += 1) await clock.advance(1_000);
      expect(await ended).toBe("timeout");
      await closed.promise;
    });

    test("ends its connection when the caller gives up", async () => {
      const closed = Promise.withResolvers<void>();
      const asked = Promise.withResolvers<void>();
      const { get } = await world(
        (request) => {
          request.socket.on("close", () => closed.resolve());
          asked.resolve();
        },
        [[LOOPBACK]],
      );
      const caller = new AbortController();
      const fetched = get(HOST, "/", { signal: caller.signal });
      await asked.promise;
      caller.abort(new Error("gone"));
      await expect(fetched).rejects.toThrow("gone");
      await closed.promise;
    });

    test("speaks TLS with whom it asked for, and with nobody whose certificate it cannot trust", async () => {
      const hello: RequestListener = (_request, response) => response.end("over TLS");
      const trusted = { secure: true, ca: CERTIFICATE, allowed: [HOST, "other.example.org"] };
      const { failure } = await world(hello, [[LOOPBACK]], trusted);
      expect(await failure()).toBe("answered over TLS");
      expect(await failure("other.example.org")).toBe("unreachable");
      expect(await (await world(hello, [[LOOPBACK]], { secure: true })).failure()).toBe("unreachable");
    });
  });
}

function setVariable(name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  cleanups.push(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}
