/** The route of result files, and what every answer with a file has. */

import type { ErrorCode } from "../../../protocol/error.ts";
import { THUMBNAIL_SIZES } from "../../../tasks/ports/thumbnails.ts";
import type { Answer, Operation, Parameter } from "../operation.ts";
import { header, inPath, query } from "../parameters.ts";

export const FILE_HEADERS: readonly Parameter[] = [
  header("Range", "One range of bytes."),
  header("If-Range", "The range counts where this version is there."),
  header("If-None-Match", "304 where this version is there."),
  header("If-Match", "412 where another version is there."),
];
export const FILE_ANSWERS: Readonly<Record<number, Answer>> = {
  200: { description: "The file.", content: { "*/*": "bytes" }, headers: ["etag"] },
  206: { description: "The range of it.", content: { "*/*": "bytes" }, headers: ["etag"] },
  304: { description: "The caller has it already.", headers: ["etag"] },
};
export const FILE_ERRORS: readonly ErrorCode[] = [
  "not_found",
  "precondition_failed",
  "range_not_satisfiable",
];

export const MEDIA: readonly Operation[] = [
  {
    method: "get",
    path: "/v1/media/{path}",
    id: "readMedia",
    tag: "Media",
    summary: "Read a picture or a film",
    description:
      "Results as `url` names them: open to everyone who has the address, from every origin. What is at an address never changes. The path has slashes.",
    access: "open",
    parameters: [
      inPath("path", "As the `url` of a result has it."),
      query("thumbnail", "A WebP copy of a picture with this longest side instead. Not made on Workers.", {
        type: "integer",
        enum: [...THUMBNAIL_SIZES],
      }),
      ...FILE_HEADERS,
    ],
    answers: FILE_ANSWERS,
    errors: [...FILE_ERRORS, "invalid_parameter", "not_supported", "payload_too_large", "overloaded"],
  },
];
