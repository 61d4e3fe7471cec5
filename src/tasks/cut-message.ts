/** Texts that come from providers and are stored and shown. */

/** A message of a provider is cut here, in UTF-16 units: with three bytes each it still fits an event many times. */
const MAX_MESSAGE_CHARACTERS = 1_000;

/** The message, or as much of it as is kept. */
export function cutMessage(message: string): string {
  return message.length <= MAX_MESSAGE_CHARACTERS
    ? message
    : `${message.slice(0, MAX_MESSAGE_CHARACTERS - 1)}…`;
}
