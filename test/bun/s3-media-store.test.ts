/** The media store in a bucket with the S3 API, over a strict bucket on loopback. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { S3Access, S3Host } from "../../src/media/s3/client.ts";
import { createS3MediaStore } from "../../src/media/s3/store.ts";
import { createTaskIds } from "../../src/tasks/ids.ts";
import { systemClock } from "../../src/tasks/ports/clock.ts";
import type { MediaStore } from "../../src/tasks/ports/media-store.ts";
import { mediaStoreContract } from "../contract/media-store.ts";
import { FakeS3, type S3Trouble } from "../fixture/fake-s3.ts";
import { ManualClock } from "../fixture/manual-clock.ts";

const MAX_FILE_BYTES = 400_000;
const MIB = 1024 * 1024;
const PICTURE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const HOST: S3Host = { fetch, clock: systemClock };

for (const pathStyle of [true, false]) {
  mediaStoreContract({
    name: `an S3 bucket named in the ${pathStyle ? "path" : "host"}`,
    async open() {
      const s3 = await FakeS3.start();
      const [access, host] = pathStyle ? [s3.access, HOST] : namedInHost(s3);
      const store = createS3MediaStore(access, host, { maxFileBytes: MAX_FILE_BYTES });
      return { store, maxFileBytes: MAX_FILE_BYTES, close: () => s3.stop() };
    },
  });
}

mediaStoreContract({
  name: "an S3 bucket that lists two keys a page",
  async open() {
    const s3 = await FakeS3.start();
    s3.pageKeys = 2;
    const store = createS3MediaStore(s3.access, HOST, { maxFileBytes: MAX_FILE_BYTES });
    return { store, maxFileBytes: MAX_FILE_BYTES, close: () => s3.stop() };
  },
});

describe("the media store in an S3 bucket", () => {
  const clock = new ManualClock();
  const newTaskId = createTaskIds(() => clock.now());
  let s3: FakeS3;
  let store: MediaStore;
  /** Calls that were sent to the bucket. */
  let sent: number;
  const counted: S3Host["fetch"] = (url, init) => {
    sent += 1;
    return fetch(url, init);
  };
  const open = (access: Partial<S3Access> = {}) =>
    createS3MediaStore(
      { ...s3.access, ...access },
      { fetch: counted, clock, random: () => 0.5 },
      { maxFileBytes: 100 * MIB },
    );

  beforeEach(async () => {
    sent = 0;
    s3 = await FakeS3.start(() => clock.now());
    store = open();
  });
  afterEach(() => s3.stop());

  /** Lets the clock run for as long as it takes: fast while the bucket is silent, else too slowly for any limit. */
  async function passing<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const end = () => {
      over = true;
    };
    work.then(end, end);
    while (!over) {
      await clock.advance(s3.silent && s3.calls.length === sent ? 200 : 5);
      // The bucket answers in its own time.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    return work;
  }

  test("sends a film in parts of 8 MiB and gives back any of its bytes", async () => {
    const { path, bytes } = await store.put(newTaskId(), film(20 * MIB + 5), "video/mp4");
    expect(bytes).toBe(20 * MIB + 5);
    expect(s3.calls.map((call) => call.bytes).filter((sent) => sent > 1000)).toEqual([
      8 * MIB,
      8 * MIB,
      4 * MIB + 5,
    ]);
    expect(s3.objects.get(path)?.contentType).toBe("video/mp4");
    expect(s3.uploads.size).toBe(0);
    const file = await store.get(path);
    expect(file?.bytes).toBe(bytes);
    for (const start of [0, 8 * MIB - 2, 16 * MIB - 2, bytes - 4]) {
      const opened = await file!.open({ start, end: start + 3 });
      expect([...new Uint8Array(await new Response(opened).arrayBuffer())]).toEqual(
        [0, 1, 2, 3].map((index) => filmByte(start + index)),
      );
    }
  });

  test("gives up the upload of a film that breaks off", async () => {
    const broken = film(20 * MIB, () => {
      throw new Error("the line went dead");
    });
    await expect(store.put(newTaskId(), broken, "video/mp4")).rejects.toThrow("the line went dead");
    expect([s3.uploads.size, s3.objects.size]).toEqual([0, 0]);
  });

  test("gives up the upload when the bucket takes a part no more", async () => {
    s3.trouble(/^PUT .*partNumber=2/, ...repeat({ status: 500, code: "InternalError" }, 3));
    await expect(passing(store.put(newTaskId(), film(20 * MIB), "video/mp4"))).rejects.toThrow(
      "The media bucket refused to store a part of a file: 500 InternalError.",
    );
    expect([s3.uploads.size, s3.objects.size]).toEqual([0, 0]);
  });

  test.each<[string, RegExp, S3Trouble]>([
    ["is busy", /^PUT/, { status: 503, code: "SlowDown" }],
    ["fails", /^PUT/, { status: 500, code: "InternalError" }],
    ["answers a web page", /^PUT/, { status: 502, text: "<html>Bad gateway</html>" }],
    ["hangs up", /^PUT/, { cut: true }],
    ["does it and hangs up", /^PUT/, { doneAnd: "cut" }],
    ["is silent", /^PUT/, { hang: true }],
    ["is busy when an upload begins", /^POST .*uploads=/, { status: 503, code: "SlowDown" }],
    ["completes an upload and hangs up", /^POST .*uploadId=/, { doneAnd: "cut" }],
    [
      "fails after it said 200",
      /^POST .*uploadId=/,
      { status: 200, text: "<Error><Code>InternalError</Code></Error>" },
    ],
    ["fails to look", /^HEAD/, { status: 503, code: "SlowDown" }],
    ["does not begin to send", /^GET/, { hang: true }],
  ])("a file is stored and read although the bucket once %s", async (_name, on, trouble) => {
    s3.trouble(on, trouble);
    const { path } = await passing(store.put(newTaskId(), film(9 * MIB), "video/mp4"));
    const file = await passing(store.get(path));
    const read = await passing(Promise.resolve(file!.open({ start: 0, end: 2 })));
    expect(new Uint8Array(await new Response(read).arrayBuffer())).toEqual(
      Uint8Array.of(filmByte(0), filmByte(1), filmByte(2)),
    );
    expect([s3.uploads.size, s3.objects.size]).toEqual([0, 1]);
  });

  test("an upload whose beginning nobody answered is not begun twice", async () => {
    s3.trouble(/^POST .*uploads=/, { doneAnd: "cut" });
    await expect(passing(store.put(newTaskId(), film(9 * MIB), "video/mp4"))).rejects.toThrow(
      "The media bucket did not begin an upload: it could not be reached, or broke off.",
    );
    expect(s3.calls.filter(({ query }) => query.has("uploads"))).toHaveLength(1);
  });

  test("a bucket that stays silent is given up after three tries, and what may have been stored is deleted", async () => {
    s3.trouble(/^PUT/, ...repeat({ hang: true }, 3));
    await expect(passing(store.put(newTaskId(), PICTURE, "image/png"))).rejects.toThrow(
      "The media bucket did not store a file: it took too long to answer.",
    );
    expect(s3.calls.map(({ method }) => method)).toEqual(["PUT", "PUT", "PUT", "DELETE"]);
  });

  test("a bucket that is back again is used again", async () => {
    s3.trouble(/^PUT/, ...repeat({ status: 503, code: "ServiceUnavailable" }, 3));
    await expect(passing(store.put(newTaskId(), PICTURE, "image/png"))).rejects.toThrow("503");
    expect((await store.put(newTaskId(), PICTURE, "image/png")).bytes).toBe(8);
  });

  test.each<["cut" | "hang", string]>([
    ["cut", "could not be reached, or broke off"],
    ["hang", "stopped in the midst of its answer"],
  ])(
    "a file that the bucket stops sending (%s) ends with an error, never as a short file",
    async (then, why) => {
      const { path } = await store.put(newTaskId(), new Uint8Array(MIB), "video/mp4");
      const file = await store.get(path);
      s3.trouble(/^GET/, { bodyBytes: 1000, then });
      const stream = await file!.open();
      await expect(passing(new Response(stream).arrayBuffer())).rejects.toThrow(why);
    },
  );

  test("a reader may take its time", async () => {
    const { path } = await store.put(newTaskId(), film(3 * MIB), "video/mp4");
    const reader = (await (await store.get(path))!.open()).getReader();
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.byteLength;
      await clock.advance(300_000);
    }
    expect(bytes).toBe(3 * MIB);
  });

  test("no time-out is left once a file is stored, read and looked at", async () => {
    const { path } = await store.put(newTaskId(), PICTURE, "image/png");
    await new Response(await (await store.get(path))!.open()).arrayBuffer();
    await (await (await store.get(path))!.open()).cancel();
    expect(clock.pendingTimers).toBe(0);
  });

  test.each<[string, Partial<S3Access>, string]>([
    ["an unknown key", { accessKeyId: "AKIDOTHER" }, "403 InvalidAccessKeyId. Look at media.s3.accessKeyId"],
    [
      "a wrong secret",
      { secretAccessKey: "wrong-secret" },
      "403 SignatureDoesNotMatch. Look at media.s3.accessKeyId",
    ],
    ["another region", { region: "us-east-1" }, "400 AuthorizationHeaderMalformed. Look at media.s3.region"],
    ["another bucket", { bucket: "another" }, "404 NoSuchBucket. Look at media.s3.bucket"],
  ])(
    "%s is refused at once, and the error says where to look and nothing secret",
    async (_name, access, message) => {
      const taskId = newTaskId();
      const error: unknown = await open(access)
        .put(taskId, PICTURE, "image/png")
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ message: expect.stringContaining(message) });
      const told = Bun.inspect(error);
      for (const secret of [
        s3.access.secretAccessKey,
        "wrong-secret",
        "AKID",
        taskId,
        String(s3.port),
        "Signature=",
      ])
        expect(told).not.toContain(secret);
      expect(s3.calls.map(({ method }) => method)).toEqual(["PUT", "DELETE"]);
    },
  );

  test("a bucket that is moved is not followed, and one that is not there is said so without its address", async () => {
    const { port } = s3;
    s3.trouble(/^PUT/, {
      status: 307,
      text: "",
      headers: { location: `http://127.0.0.1:${port}/elsewhere` },
    });
    await expect(store.put(newTaskId(), PICTURE, "image/png")).rejects.toThrow(
      "307. Look at media.s3.region",
    );
    await s3.stop();
    const error: unknown = await passing(store.get((await somePath()) ?? "")).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ message: expect.stringContaining("could not be reached") });
    expect(Bun.inspect(error)).not.toContain(String(port));
    s3 = await FakeS3.start(() => clock.now());
  });

  test("an answer that is no listing is an error, not an empty bucket", async () => {
    for (const text of [
      "",
      "<html>",
      "<ListBucketResult><Contents><Key>a</Key>",
      "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    ]) {
      s3.trouble(/^GET \?list/, ...repeat({ status: 200, text }, 3));
      await expect(store.filesOf(newTaskId())).rejects.toThrow(
        "did not list files: it answered something else",
      );
    }
  });

  test("what is not the gateway's is neither named nor deleted", async () => {
    const taskId = newTaskId();
    const { path } = await store.put(taskId, PICTURE, "image/png");
    const folder = path.slice(0, path.lastIndexOf("/"));
    const foreign = [`${folder}/../notes & <more>.txt`, "1999/backup.tar", "readme"];
    for (const key of foreign) s3.objects.set(key, { bytes: PICTURE, contentType: "", modifiedAt: 0 });
    expect(await store.filesOf(taskId)).toEqual([path]);
    expect(await store.tasksBefore(clock.now() + 86_400_000, 10)).toEqual([taskId]);
    await store.removeTask(taskId);
    expect([...s3.objects.keys()]).toEqual(foreign);
  });

  async function somePath(): Promise<string> {
    return `2026/11/21/${newTaskId()}/${"A".repeat(22)}.png`;
  }
});

/** A bucket with a host of its own, which leads to the fake one as a resolver would have it. */
function namedInHost(s3: FakeS3): [S3Access, S3Host] {
  const endpoint = `http://s3.test:${s3.port}`;
  const host: S3Host = {
    ...HOST,
    fetch(url, init) {
      const { host, pathname, search } = new URL(url);
      if (host !== `${s3.access.bucket}.s3.test:${s3.port}`) throw new Error(`No such host: ${host}`);
      const headers = new Headers(init.headers);
      headers.set("host", host);
      return fetch(`${s3.access.endpoint}${pathname}${search}`, { ...init, headers });
    },
  };
  return [{ ...s3.access, endpoint, pathStyle: false }, host];
}

function repeat(trouble: S3Trouble, times: number): S3Trouble[] {
  return Array.from({ length: times }, () => trouble);
}

function filmByte(index: number): number {
  return (index * 7 + (index >> 12)) & 255;
}

/** A film in chunks of a megabyte; `atEnd` is called instead of its end. */
function film(bytes: number, atEnd: () => void = () => {}): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes) {
        atEnd();
        return controller.close();
      }
      const from = at;
      at = Math.min(bytes, at + MIB);
      controller.enqueue(Uint8Array.from({ length: at - from }, (_, index) => filmByte(from + index)));
    },
  });
}
