/** Thumbnails as a client sees them, on every host that makes some. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireTask } from "../../src/protocol/task.ts";
import type { ServerProcess } from "../fixture/server-process.ts";

const LARGE = { model: "local/canvas", prompt: "a lake", size: "1024x768" };

export function thumbnailContract(subject: {
  name: string;
  open(): Promise<{ server: ServerProcess; close(): Promise<void> }>;
}): void {
  describe(`thumbnails of ${subject.name}`, () => {
    let server: ServerProcess;
    let close: () => Promise<void>;
    let task: WireTask;
    let path: string;

    beforeAll(async () => {
      ({ server, close } = await subject.open());
      task = await made("/v1/images/generations/async", LARGE);
      path = pathOf(task.result?.images?.[0]?.url);
    });
    afterAll(() => close());

    const made = async (route: string, body: object) => {
      const response = await server.postJson(route, body, { prefer: "wait=60" });
      return (await response.json()) as WireTask;
    };
    const pathOf = (url: string | undefined) => new URL(url ?? "").pathname;
    const get = (query: string, init: RequestInit = {}, at = path) =>
      fetch(`${server.url}${at}${query}`, init);
    const errorOf = async (response: Response) => {
      const { error } = (await response.json()) as { error: { code: string; param: string } };
      return [response.status, error.code, error.param];
    };

    test.each([64, 128, 256, 512])("of %i pixels are WebP pictures of the same proportions", async (size) => {
      const response = await get(`?thumbnail=${size}`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("image/webp");
      expect(response.headers.get("cache-control")).toContain("max-age=86400");
      const bytes = await response.bytes();
      expect(new TextDecoder().decode(bytes.subarray(8, 15))).toBe("WEBPVP8");
      expect(webpSize(bytes)).toEqual([size, (size * 3) / 4]);
    });

    test("have a validator of their own, a length, and parts", async () => {
      const { headers } = await get("?thumbnail=128", { method: "HEAD" });
      const etag = headers.get("etag") ?? "";
      expect(etag).not.toBe((await get("", { method: "HEAD" })).headers.get("etag"));
      const bytes = await (await get("?thumbnail=128")).bytes();
      expect(headers.get("content-length")).toBe(String(bytes.byteLength));
      expect((await get("?thumbnail=128", { headers: { "if-none-match": etag } })).status).toBe(304);
      const part = await get("?thumbnail=128", { headers: { range: "bytes=0-3" } });
      expect([part.status, await part.text()]).toEqual([206, "RIFF"]);
    });

    test.each(["100", "", "256px", "-64", "1e2", "0x40"])("of %j pixels there are none", async (size) => {
      expect(await errorOf(await get(`?thumbnail=${size}`))).toEqual([400, "invalid_parameter", "thumbnail"]);
    });

    test("of a film there are none", async () => {
      const film = await made("/v1/videos/generations/async", {
        model: "local/motion",
        prompt: "a lake",
        duration: 1,
        size: "160x96",
      });
      const at = pathOf(film.result?.videos?.[0]?.url);
      expect(await errorOf(await get("?thumbnail=256", {}, at))).toEqual([400, "not_supported", "thumbnail"]);
    });

    test("go with their task", async () => {
      const response = await server.request(`/v1/tasks/${task.taskId}?purge=true`, { method: "DELETE" });
      expect(response.status).toBe(200);
      for (const query of ["", "?thumbnail=128"]) expect((await get(query)).status).toBe(404);
      expect((await get("", {}, `${path}-128.webp`)).status).toBe(404);
    });
  });
}

/** Width and height of a lossy WebP picture without transparency (RFC 9649, 2.5). */
function webpSize(bytes: Uint8Array): [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const mask = 0x3fff;
  return [view.getUint16(26, true) & mask, view.getUint16(28, true) & mask];
}
