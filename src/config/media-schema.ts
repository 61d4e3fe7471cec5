/** Settings of the media store: a folder, or a bucket with the S3 API. */

import { boolean, decidedBoolean, integer, optional } from "./setting.ts";
import { LINE, line, SECRET, secret, WEB_ADDRESS, webAddress } from "./value-shapes.ts";

const MIB = 1_048_576;

export const MEDIA_SETTINGS = {
  folder: optional(
    line,
    LINE,
    "Folder of results, where it is not `media` in the data directory; the same for all instances of one store.",
    { variable: "CONDUIT_MEDIA_DIR" },
  ),
  fsync: boolean(true, "Wait for the disk before a result counts as stored."),
  maxFileBytes: integer(512 * MIB, 1_024, 16_384 * MIB, "Largest file a provider may deliver."),
  publicBaseUrl: optional(
    webAddress,
    WEB_ADDRESS,
    "What results' links begin with instead of the gateway's own address: a CDN in front of it, or of the bucket.",
  ),
  s3: {
    endpoint: optional(
      webAddress,
      WEB_ADDRESS,
      "Keep results in a bucket with the S3 API instead of the folder: where its API is.",
    ),
    bucket: optional(
      line.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/),
      "the name of a bucket",
      "The bucket's name. It is there already.",
    ),
    region: optional(
      line.regex(/^[A-Za-z0-9-]{1,64}$/),
      "a region such as eu-central-1; auto for R2",
      "The region that requests are signed for.",
    ),
    accessKeyId: optional(secret, SECRET, "The key's id.", { secret: true }),
    secretAccessKey: optional(secret, SECRET, "The key.", { secret: true }),
    pathStyle: decidedBoolean(
      "true, on amazonaws.com false",
      "Whether the bucket is named in the path of its addresses; else in the host.",
    ),
  },
};
