/** The media store in a bucket with the S3 API, which any number of instances and hosts may share. */

import type { MediaStore } from "../../tasks/ports/media-store.ts";
import { type BucketStoreOptions, createBucketMediaStore } from "../bucket-store.ts";
import { S3Bucket } from "./bucket.ts";
import { type S3Access, S3Client, type S3Host } from "./client.ts";

/**
 * Uploads in parts that a dying process left open are never readable, and are paid for until the bucket clears them away:
 * give it a lifecycle rule for that (`AbortIncompleteMultipartUpload`).
 */
export function createS3MediaStore(access: S3Access, host: S3Host, options: BucketStoreOptions): MediaStore {
  return createBucketMediaStore(new S3Bucket(new S3Client(access, host)), options);
}
