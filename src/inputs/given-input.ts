/** The pictures a caller hands in with a request, before they are this gateway's own files. */

import type { StoredMedia, TaskInput } from "../tasks/task.ts";

export type InputSource =
  /** To be fetched. */
  | { readonly kind: "address"; readonly url: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** A file of an earlier task, by its path in the media store. */
  | { readonly kind: "media"; readonly path: string }
  /** A result of an earlier task. */
  | { readonly kind: "result"; readonly taskId: string; readonly index: number }
  /** Uploaded with the request, and stored already under the id that its task will have. */
  | { readonly kind: "stored"; readonly media: StoredMedia };

export type GivenInput = {
  readonly role: TaskInput["role"];
  /** What the caller called it; errors name it. */
  readonly param: string;
  readonly source: InputSource;
};
