/** Takes secrets out of text that people or machines may keep: log lines and messages about wrong settings. */

/** What replaces a secret. */
export const REDACTED = "[redacted]";

/** Query parameters whose value is a credential wherever they appear. */
const SECRET_PARAMETERS =
  /([?&#](?:access_token|api[-_]?key|key|token|client_secret|password)=)[^&#\s"'<>]+/gi;
const SCHEMES = /\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]+/gi;
const USER_INFO = /(\b[a-z][a-z0-9+.-]*:\/\/)[^/?#\s"'@]+@/gi;
/**
 * Keys by their prefix: ours wherever they stand, webhook secrets, and the usual providers' where a word begins.
 * Half a key is taken out as well.
 */
const PREFIXED = /(condt_|cadm_|whsec_|(?<![A-Za-z0-9])(?:ek_|sk[-_]|r8_|xai-|AIza))[A-Za-z0-9_-]{6,}/g;
/** None of the patterns can match a text without one of these. */
const SUSPICIOUS = /[?&#=]|condt_|cadm_|ek_|whsec_|sk[-_]|r8_|xai-|AIza|bearer|basic|:\/\//i;

/** Whether `redactSecrets` may find something: a quick look that is wrong in one direction only. */
export function mayHoldSecrets(text: string): boolean {
  return SUSPICIOUS.test(text);
}

/** The text without anything that looks like a credential. Cheap for text that holds nothing of the kind. */
export function redactSecrets(text: string): string {
  if (!mayHoldSecrets(text)) return text;
  return text
    .replace(SECRET_PARAMETERS, `$1${REDACTED}`)
    .replace(USER_INFO, `$1${REDACTED}@`)
    .replace(SCHEMES, `$1$2${REDACTED}`)
    .replace(PREFIXED, `$1${REDACTED}`);
}
