/** The entries of the client package. One more entry is one more line here; what it needs of others is a peer in src/client/package.json. */

import { WORKLET_TEXT } from "../src/client/voice/sound/worklet-text.ts";

export type PackageEntry = {
  /** Its source, below src/client. */
  readonly file: string;
  /** The most it may weigh with everything it reaches, peers excepted: minified and compressed, bytes. */
  readonly mostGzipBytes: number;
};

export const ENTRIES: Readonly<Record<string, PackageEntry>> = {
  ".": { file: "index.ts", mostGzipBytes: 12_000 },
  "./ai": { file: "ai/index.ts", mostGzipBytes: 9_000 },
  "./patterns": { file: "patterns/index.ts", mostGzipBytes: 6_000 },
  "./react": { file: "react/index.ts", mostGzipBytes: 13_000 },
  "./testing": { file: "testing/index.ts", mostGzipBytes: 30_000 },
  "./voice": { file: "voice/index.ts", mostGzipBytes: 14_000 },
};

/** Programs that a page serves as they are, by the path at which the package has them. */
export const PROGRAMS: Readonly<Record<string, string>> = { "./voice/worklet.js": WORKLET_TEXT };
