/** What went wrong with a bucket, in words for the operator. */

/**
 * A call that the bucket refused or did not answer. Its message names no key, no credential and no address: a media
 * file's path is a secret too, and errors go to logs.
 */
export class S3Error extends Error {
  override readonly name = "S3Error";

  /** `status` is null where no answer came; `code` is the bucket's own word for it. */
  constructor(
    readonly status: number | null,
    readonly code: string | null,
    message: string,
  ) {
    super(message);
  }
}

/** A code such as `SlowDown`; anything else that stands in its place is not repeated. */
const CODE = /<Code>([A-Za-z]{1,64})<\/Code>/;

/** What to look at, by status and code. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/InvalidAccessKeyId|SignatureDoesNotMatch/, "Look at media.s3.accessKeyId and secretAccessKey."],
  [/RequestTimeTooSkewed/, "This machine's clock is wrong."],
  [/NoSuchBucket/, "Look at media.s3.bucket and pathStyle."],
  [
    /^30\d|AuthorizationHeaderMalformed|PermanentRedirect|TemporaryRedirect/,
    "Look at media.s3.region, endpoint and pathStyle.",
  ],
  [/^40[13]/, "The key needs the rights to list the bucket and to read, write and delete its objects."],
];

/** The error for an answer that is not what was asked for; `text` is its body, `what` ends "The bucket refused to …". */
export function refusal(status: number, text: string, what: string): S3Error {
  const code = codeIn(text);
  const told = code === null ? String(status) : `${status} ${code}`;
  const advice = ADVICE.find(([pattern]) => pattern.test(told))?.[1];
  return new S3Error(
    status,
    code,
    `The media bucket refused to ${what}: ${told}.${advice === undefined ? "" : ` ${advice}`}`,
  );
}

/** The error for a call without an answer, or with half of one; `why` is a sentence part such as "took too long to answer". */
export function failure(why: string, what: string): S3Error {
  return new S3Error(null, null, `The media bucket did not ${what}: it ${why}.`);
}

/** Whether the text is an error of the bucket, whatever status came before it. */
export function isError(text: string): boolean {
  return /^\s*(?:<\?xml[^>]*>\s*)?<Error>/.test(text);
}

/** The bucket's word for what is wrong; null where the body is none of its errors. */
function codeIn(text: string): string | null {
  return CODE.exec(text)?.[1] ?? null;
}
