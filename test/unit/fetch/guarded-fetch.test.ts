/** Guarded fetches over a scripted network, with a clock that the test moves. */

import { describe, expect, test } from "vitest";
import type { FetchError } from "../../../src/fetch/fetch-error.ts";
import { createGuardedFetch, type GuardedRequest } from "../../../src/fetch/guarded-fetch.ts";
import type { TargetPolicy } from "../../../src/fetch/target-guard.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";
import { answer, hang, type Script, ScriptedTransport } from "../../fixture/scripted-transport.ts";

const POLICY: TargetPolicy = { allowHttp: false, allowedHosts: new Set() };
const REQUEST: GuardedRequest = {
  maxBytes: 1_000,
  maxRedirects: 3,
  timeouts: { connectMs: 10_000, headersMs: 30_000, chunkMs: 15_000, totalMs: 60_000 },
};
const PICTURE = "https://pictures.example.org/fox.png";

function world(script: Script, policy: Partial<TargetPolicy> = {}) {
  const clock = new ManualClock();
  const transport = new ScriptedTransport(script);
  const guarded = createGuardedFetch(transport, clock, { ...POLICY, ...policy });
  const get = (address = PICTURE, request: Partial<GuardedRequest> = {}) =>
    guarded.fetch(address, { ...REQUEST, ...request });
  /** How a fetch and the reading of its body ended, once it has. */
  const outcome = async (address = PICTURE, request: Partial<GuardedRequest> = {}) => {
    try {
      const { status, body } = await get(address, request);
      return `${status} ${await new Response(body).text()}`;
    } catch (error) {
      return (error as FetchError).failure ?? `thrown: ${(error as Error).message}`;
    }
  };
  return { clock, transport, get, outcome };
}

function redirect(location: string, status = 302) {
  return answer(status, { location });
}

describe("a guarded fetch", () => {
  test("answers status, headers and body as they are", async () => {
    const { get, clock } = world(() => answer(404, { "content-type": "text/plain" }, "nothing here"));
    const { status, headers, body } = await get();
    expect([status, headers.get("content-type"), await new Response(body).text()]).toEqual([
      404,
      "text/plain",
      "nothing here",
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("asks for the bytes as they are, and names itself", async () => {
    const { outcome, transport } = world(() => answer(200));
    await outcome(PICTURE, { headers: { "Accept-Encoding": "gzip", Accept: "image/*" } });
    expect(transport.asked[0]?.request.headers).toEqual({
      "user-agent": "conduit",
      accept: "image/*",
      "accept-encoding": "identity",
    });
  });

  test("asks nothing of an address that is refused", async () => {
    const { outcome, transport } = world(() => answer(200));
    expect(await outcome("https://127.0.0.1/")).toBe("refused");
    expect(transport.asked).toEqual([]);
  });
});

describe("redirects", () => {
  test("are followed, also relative ones, without the part behind #", async () => {
    const { outcome, transport } = world((url) =>
      url.pathname === "/fox.png" ? redirect("/moved.png#top", 308) : answer(200, {}, "fox"),
    );
    expect(await outcome(`${PICTURE}#part`)).toBe("200 fox");
    expect(transport.asked.map(({ url }) => url)).toEqual([
      PICTURE,
      "https://pictures.example.org/moved.png",
    ]);
    expect(transport.cancelled).toBe(1);
  });

  test.each([
    "https://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254/latest/meta-data/",
    "http://pictures.example.org/fox.png",
    "https://metadata.google.internal/",
    "https://user:secret@pictures.example.org/",
    "file:///etc/passwd",
    "//localhost/",
  ])("to %s are refused, and nothing is asked there", async (location) => {
    const { outcome, transport, clock } = world(() => redirect(location));
    expect(await outcome()).toBe("refused");
    expect(transport.asked).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test("are followed so many times and no more", async () => {
    const { outcome, transport } = world((url) => redirect(`${url.href}x`));
    expect(await outcome()).toBe("too_many_redirects");
    expect(transport.asked).toHaveLength(4);
  });

  test("are answered as they are where none is followed", async () => {
    const { outcome } = world(() => redirect("https://169.254.169.254/"));
    expect(await outcome(PICTURE, { maxRedirects: 0, method: "POST" })).toBe("302 ");
  });

  test("without a place to go fail", async () => {
    expect(await world(() => answer(302)).outcome()).toBe("unreachable");
  });

  test("take no credential to another origin", async () => {
    const { outcome, transport } = world((url) =>
      url.host === "pictures.example.org" ? redirect("https://elsewhere.example.org/") : answer(200),
    );
    await outcome(PICTURE, { headers: { Authorization: "Bearer x", Accept: "image/png" } });
    expect(transport.asked[0]?.request.headers.authorization).toBe("Bearer x");
    expect(transport.asked[1]?.request.headers).toEqual({
      "user-agent": "conduit",
      accept: "image/png",
      "accept-encoding": "identity",
    });
  });

  test("to an allowed host of the operator's network are followed", async () => {
    const allowedHosts = new Set(["10.0.0.5"]);
    const { outcome, transport } = world(
      ({ host }) => (host === "10.0.0.5" ? answer(200, {}, "inside") : redirect("https://10.0.0.5/")),
      { allowedHosts },
    );
    expect(await outcome()).toBe("200 inside");
    expect(transport.asked.map(({ request }) => request.anyAddress)).toEqual([false, true]);
  });
});

describe("what comes back", () => {
  test("may have as many bytes as allowed, and not one more", async () => {
    const { outcome, transport } = world(() => answer(200, {}, "x".repeat(1_000)));
    expect(await outcome()).toBe(`200 ${"x".repeat(1_000)}`);
    expect(await outcome(PICTURE, { maxBytes: 999 })).toBe("too_large");
    expect(transport.cancelled).toBe(1);
  });

  test("is left once an endless body is too large", async () => {
    let made = 0;
    const { outcome, transport, clock } = world(() =>
      answer(200, {}, () => {
        made += 1;
        return new Uint8Array(100);
      }),
    );
    expect(await outcome()).toBe("too_large");
    expect(made).toBe(11);
    expect(transport.cancelled).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test("is refused when it is compressed", async () => {
    const { outcome, transport } = world(() => answer(200, { "content-encoding": "gzip" }, "x"));
    expect(await outcome()).toBe("encoded");
    expect(transport.cancelled).toBe(1);
    expect(await world(() => answer(200, { "content-encoding": "Identity" }, "x")).outcome()).toBe("200 x");
  });

  test("that breaks off is unreachable, and says nothing of where", async () => {
    const { get } = world(() =>
      answer(200, {}, () => Promise.reject(new Error("ECONNRESET 93.184.215.14:443"))),
    );
    const { body } = await get();
    const error = await new Response(body).text().catch((thrown: FetchError) => thrown);
    expect(error).toMatchObject({ failure: "unreachable", message: "could not be reached, or broke off" });
  });
});

describe("a fetch that hangs", () => {
  test("ends when no connection comes about", async () => {
    const { outcome, clock, transport } = world(() => hang());
    const ended = outcome();
    await clock.advance(9_999);
    expect(transport.asked[0]?.request.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(await ended).toBe("timeout");
    expect(transport.asked[0]?.request.signal.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  test("ends when the connection stands and no headers come", async () => {
    const { outcome, clock, transport } = world((_url, { connected }) => {
      connected();
      return hang();
    });
    const ended = outcome();
    await clock.advance(29_999);
    expect(transport.asked[0]?.request.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(await ended).toBe("timeout");
  });

  test("ends when the body stops", async () => {
    const { outcome, clock, transport } = world(() => answer(200, {}, () => hang()));
    const ended = outcome();
    await settled();
    await clock.advance(14_999);
    expect(transport.cancelled).toBe(0);
    await clock.advance(1);
    expect(await ended).toBe("timeout");
    expect(transport.cancelled).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test("ends when a chunk comes every ten seconds for ever", async () => {
    let chunks = 0;
    const { outcome, clock, transport } = world((_url, { connected }) => {
      connected();
      return answer(200, {}, async () => {
        await new Promise<void>((resolve) => clock.after(10_000, resolve));
        chunks += 1;
        return new Uint8Array(1);
      });
    });
    const ended = outcome();
    for (let second = 0; second < 70; second += 1) await clock.advance(1_000);
    expect(await ended).toBe("timeout");
    expect(chunks).toBeLessThanOrEqual(6);
    expect(transport.cancelled).toBe(1);
  });

  test("ends when its reader does not go on reading", async () => {
    const { get, clock, transport } = world(() => answer(200, {}, () => new Uint8Array(1)));
    const { body } = await get();
    const reader = body.getReader();
    await clock.advance(40_000);
    await reader.read();
    await clock.advance(19_999);
    await reader.read();
    await clock.advance(1);
    await expect(reader.read()).rejects.toMatchObject({ failure: "timeout" });
    expect(transport.cancelled).toBe(1);
  });

  test("ends with the caller's own reason when the caller gives up", async () => {
    const { outcome, clock } = world(() => hang());
    const caller = new AbortController();
    const ended = outcome(PICTURE, { signal: caller.signal });
    await settled();
    caller.abort(new Error("the client is gone"));
    expect(await ended).toBe("thrown: the client is gone");
    expect(clock.pendingTimers).toBe(0);
    expect(await outcome(PICTURE, { signal: AbortSignal.abort(new Error("gone before")) })).toBe(
      "thrown: gone before",
    );
  });

  test("leaves the connection when its reader leaves", async () => {
    const { get, clock, transport } = world(() => answer(200, {}, () => new Uint8Array(1)));
    const { body } = await get();
    await body.cancel();
    expect(transport.cancelled).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test("leaves an answer that comes after it was given up", async () => {
    const late = Promise.withResolvers<void>();
    const { outcome, clock, transport } = world(async () => {
      await late.promise;
      return answer(200, {}, "late");
    });
    const ended = outcome();
    await clock.advance(10_000);
    expect(await ended).toBe("timeout");
    late.resolve();
    await settled();
    expect(transport.cancelled).toBe(1);
  });
});
