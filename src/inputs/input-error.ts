/** What is wrong with an input, told to whoever handed it in: without addresses, and without any of its bytes. */

import { FetchError } from "../fetch/fetch-error.ts";
import { ApiError } from "../protocol/error.ts";
import { MediaRefusedError } from "../tasks/ports/media-store.ts";

/** Kinds of pictures that are taken, for messages. */
const KINDS = "Send a PNG, JPEG, WebP, GIF or AVIF";

/** Too many bytes for an input, wherever they come from. */
export class InputTooLargeError extends Error {
  override readonly name = "InputTooLargeError";
}

/** The error to answer for what a source threw; what is no fault of the input stays as it is. */
export function inputError(thrown: unknown, param: string, maxBytes: number): unknown {
  if (thrown instanceof InputTooLargeError) return inputTooLarge(param, maxBytes);
  if (thrown instanceof FetchError) {
    return thrown.failure === "too_large"
      ? inputTooLarge(param, maxBytes)
      : invalidInput(param, `The address given as ${param} ${thrown.message}.`);
  }
  if (thrown instanceof MediaRefusedError) return invalidInput(param, `${param} ${thrown.flaw}. ${KINDS}.`);
  return thrown;
}

export function invalidInput(param: string, message: string): ApiError {
  return new ApiError("invalid_parameter", message, { param });
}

export function inputTooLarge(param: string, maxBytes: number): ApiError {
  return new ApiError(
    "payload_too_large",
    `${param} has more than ${maxBytes} bytes, which is as much as an input may have. Send a smaller picture.`,
    { param },
  );
}

/** An input that is here no longer, or never was, as far as this caller may know. */
export function inputNotFound(param: string, what: string): ApiError {
  return new ApiError("not_found", `${what}, given as ${param}, is not here, or is no longer kept.`, {
    param,
  });
}
