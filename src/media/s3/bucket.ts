/** A bucket that speaks the S3 API: AWS S3, R2, MinIO, Ceph, Backblaze, … */

import type { Bucket, BucketUpload, ListedKeys, ListPage, ObjectStat } from "../bucket.ts";
import type { S3Client } from "./client.ts";
import { failure, S3Error } from "./error.ts";
import { readListing, readUploadId, uploadManifest } from "./xml.ts";

/**
 * Deleted at once. One by one, since the call for many needs an MD5 or a checksum, of which every kind of bucket wants
 * another one; a Worker has six connections.
 */
const DELETIONS_AT_ONCE = 4;

export class S3Bucket implements Bucket {
  readonly #client: S3Client;

  constructor(client: S3Client) {
    this.#client = client;
  }

  async put(key: string, bytes: Uint8Array, contentType: string): Promise<void> {
    await this.#client.call({
      method: "PUT",
      key,
      headers: { "content-type": contentType },
      body: bytes,
      accept: [200],
      what: "store a file",
    });
  }

  async startUpload(key: string, contentType: string): Promise<BucketUpload> {
    const what = "begin an upload";
    const { text } = await this.#client.call({
      method: "POST",
      key,
      query: { uploads: "" },
      headers: { "content-type": contentType },
      accept: [200],
      what,
      // A second one would stay open until the bucket clears it away.
      repeatable: false,
    });
    const id = readUploadId(text);
    if (id === null) throw failure("answered something else", what);
    return new S3Upload(this.#client, key, id, (path) => this.stat(path));
  }

  async stat(key: string): Promise<ObjectStat | null> {
    const what = "say how large a file is";
    const { status, headers } = await this.#client.call({ method: "HEAD", key, accept: [200, 404], what });
    if (status === 404) return null;
    const bytes = Number(headers.get("content-length") ?? Number.NaN);
    const modifiedAt = Date.parse(headers.get("last-modified") ?? "");
    if (!Number.isSafeInteger(bytes) || Number.isNaN(modifiedAt)) throw failure("left it out", what);
    return { bytes, modifiedAt };
  }

  async read(
    key: string,
    range?: { start: number; end: number },
  ): Promise<ReadableStream<Uint8Array> | null> {
    const { status, stream } = await this.#client.open({
      method: "GET",
      key,
      ...(range !== undefined && { headers: { range: `bytes=${range.start}-${range.end}` } }),
      accept: [range === undefined ? 200 : 206, 404],
      what: "send a file",
    });
    if (status !== 404) return stream;
    await stream.cancel();
    return null;
  }

  async delete(keys: readonly string[]): Promise<void> {
    const rest = keys.values();
    const lanes = Array.from({ length: Math.min(DELETIONS_AT_ONCE, keys.length) }, async () => {
      for (const key of rest)
        await this.#client.call({
          method: "DELETE",
          key,
          accept: [200, 204, 404],
          what: "delete a file",
        });
    });
    await Promise.all(lanes);
  }

  async list({ prefix, limit, cursor }: ListPage): Promise<ListedKeys> {
    const what = "list files";
    const { text } = await this.#client.call({
      method: "GET",
      query: {
        "list-type": "2",
        "max-keys": String(limit),
        ...(prefix !== undefined && { prefix }),
        ...(cursor !== undefined && { "continuation-token": cursor }),
      },
      accept: [200],
      what,
    });
    const listing = readListing(text);
    if (listing === null) throw failure("answered something else", what);
    return listing;
  }
}

class S3Upload implements BucketUpload {
  readonly #client: S3Client;
  readonly #key: string;
  readonly #id: string;
  readonly #stat: (key: string) => Promise<ObjectStat | null>;
  readonly #etags: string[] = [];
  #bytes = 0;

  constructor(client: S3Client, key: string, id: string, stat: S3Bucket["stat"]) {
    this.#client = client;
    this.#key = key;
    this.#id = id;
    this.#stat = stat;
  }

  async add(part: Uint8Array): Promise<void> {
    const what = "store a part of a file";
    const { headers } = await this.#client.call({
      method: "PUT",
      key: this.#key,
      query: { partNumber: String(this.#etags.length + 1), uploadId: this.#id },
      body: part,
      accept: [200],
      what,
    });
    const etag = headers.get("etag");
    if (etag === null) throw failure("left its ETag out", what);
    this.#etags.push(etag);
    this.#bytes += part.byteLength;
  }

  async complete(): Promise<void> {
    try {
      await this.#complete();
    } catch (error) {
      // A first try whose answer was lost has completed it: then there is no such upload any more.
      if (!(error instanceof S3Error) || error.code !== "NoSuchUpload") throw error;
      const stat = await this.#stat(this.#key);
      if (stat?.bytes !== this.#bytes) throw error;
    }
  }

  async abort(): Promise<void> {
    await this.#client.call({
      method: "DELETE",
      key: this.#key,
      query: { uploadId: this.#id },
      accept: [204, 200, 404],
      what: "give up an upload",
    });
  }

  async #complete(): Promise<void> {
    const what = "complete an upload";
    const { text } = await this.#client.call({
      method: "POST",
      key: this.#key,
      query: { uploadId: this.#id },
      headers: { "content-type": "application/xml" },
      body: uploadManifest(this.#etags),
      accept: [200],
      what,
    });
    if (!text.includes("CompleteMultipartUploadResult")) throw failure("answered something else", what);
  }
}
