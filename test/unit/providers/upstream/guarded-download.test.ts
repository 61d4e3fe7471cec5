/** Results at addresses that a provider names: only from where the guard lets it, in words that adapters know. */

import { describe, expect, test } from "vitest";
import { createGuardedFetch } from "../../../../src/fetch/guarded-fetch.ts";
import { DownloadError } from "../../../../src/providers/upstream/answers/download.ts";
import { createGuardedDownload } from "../../../../src/providers/upstream/answers/guarded-download.ts";
import { ManualClock, settled } from "../../../fixture/manual-clock.ts";
import { answer, hang, type Script, ScriptedTransport } from "../../../fixture/scripted-transport.ts";

const FILM = "https://results.example.org/film.mp4";

function world(script: Script) {
  const clock = new ManualClock();
  const transport = new ScriptedTransport(script);
  const policy = { allowHttp: false, allowedHosts: new Set<string>() };
  const download = createGuardedDownload(createGuardedFetch(transport, clock, policy));
  const outcome = async (url = FILM, maxBytes = 100) => {
    try {
      const signal = new AbortController().signal;
      const { body, contentType } = await download(url, { signal, maxBytes });
      return `${contentType} ${await new Response(body).text()}`;
    } catch (error) {
      return error instanceof DownloadError ? error.fault : `thrown: ${String(error)}`;
    }
  };
  return { clock, transport, download, outcome };
}

describe("a result at an address that a provider named", () => {
  test("comes with its type", async () => {
    const { outcome } = world(() => answer(200, { "content-type": "video/mp4" }, "film"));
    expect(await outcome()).toBe("video/mp4 film");
  });

  test.each([401, 403, 404, 410])("is gone with %d", async (status) => {
    const { outcome, transport } = world(() => answer(status, {}, "an explanation"));
    expect(await outcome()).toBe("expired");
    expect(transport.cancelled).toBe(1);
  });

  test.each([408, 429, 500, 503])("may come later with %d", async (status) => {
    expect(await world(() => answer(status)).outcome()).toBe("unavailable");
  });

  test.each([
    "http://results.example.org/film.mp4",
    "https://127.0.0.1/film",
    "https://169.254.169.254/",
    "nonsense",
  ])("is not asked for at %s", async (url) => {
    const { outcome, transport } = world(() => answer(200, {}, "film"));
    expect(await outcome(url)).toBe("forbidden");
    expect(transport.asked).toEqual([]);
  });

  test("is not followed into a private network", async () => {
    const { outcome } = world(() => answer(302, { location: "https://10.0.0.1/film" }));
    expect(await outcome()).toBe("forbidden");
  });

  test("is bounded, whatever its length was said to be", async () => {
    const { outcome } = world(() => answer(200, { "content-length": "5" }, "x".repeat(101)));
    expect(await outcome()).toBe("too_large");
  });

  test("that stops in the midst may come later", async () => {
    const { outcome, clock } = world(() => answer(200, {}, () => hang()));
    const ended = outcome();
    await settled();
    await clock.advance(30_000);
    expect(await ended).toBe("unavailable");
  });
});
