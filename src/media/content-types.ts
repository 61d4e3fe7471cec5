/** Which name a kind of file gets on disk, and which type a name is served as. */

const BY_EXTENSION = {
  png: "image/png",
  jpg: "image/jpeg",
  webp: "image/webp",
  gif: "image/gif",
  avif: "image/avif",
  svg: "image/svg+xml",
  mp4: "video/mp4",
  webm: "video/webm",
  mov: "video/quicktime",
  mp3: "audio/mpeg",
  wav: "audio/wav",
  ogg: "audio/ogg",
  json: "application/json",
  txt: "text/plain; charset=utf-8",
} as const satisfies Record<string, string>;

const UNKNOWN_EXTENSION = "bin";
const UNKNOWN_TYPE = "application/octet-stream";

/** Other spellings in use. */
const SYNONYMS: Readonly<Record<string, string>> = {
  "image/jpg": "image/jpeg",
  "audio/x-wav": "audio/wav",
  "audio/wave": "audio/wav",
  "audio/mp3": "audio/mpeg",
  "text/plain": "text/plain; charset=utf-8",
};

const BY_TYPE = new Map<string, string>(
  Object.entries(BY_EXTENSION).map(([extension, type]) => [type, extension]),
);

/** The extension, without a dot, for a content type; parameters and letter case do not matter. */
export function extensionOf(contentType: string): string {
  const bare = contentType.split(";", 1)[0]!.trim().toLowerCase();
  return BY_TYPE.get(SYNONYMS[bare] ?? bare) ?? UNKNOWN_EXTENSION;
}

/** The content type for an extension; what is unknown is served as bytes. */
export function contentTypeOf(extension: string): string {
  return Object.hasOwn(BY_EXTENSION, extension)
    ? BY_EXTENSION[extension as keyof typeof BY_EXTENSION]
    : UNKNOWN_TYPE;
}
