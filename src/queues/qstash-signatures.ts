/**
 * Accepts only deliveries of QStash: checks the signature it puts on each, with the current key and with the next
 * one, over the bytes that came and the address they were sent to; and refuses a delivery that was taken before.
 */

import { Receiver } from "@upstash/qstash";
import type { Clock } from "../tasks/ports/clock.ts";
import { type QueuePath, queueAddress } from "./qstash-message.ts";

export type QStashSigningKeys = { current: string; next: string };

/** Whether a delivery is QStash's; `reason` is for the sender and the log, and holds no secret. */
export type SignatureVerdict = { genuine: true } | { genuine: false; reason: string };

/** How deliveries were judged, for `/health`. */
export type DeliveryHealth = {
  status: "ok" | "degraded";
  /** When and why, while none was genuine. */
  detail?: string;
  deliveriesTaken: number;
  deliveriesRefused: number;
};

/** QStash's clock and ours may differ by this much, seconds. */
const CLOCK_TOLERANCE_SECONDS = 5;
/** QStash signs for 5 minutes: a delivery is remembered a little longer, ms. */
const REMEMBERED_MS = 330_000;
/** Signatures kept; beyond it the oldest is dropped. A repeat is harmless even so: work is claimed. */
const MAX_REMEMBERED = 10_000;
const WRONG_KEY = "it was not signed with one of the two signing keys";

export class QStashSignatures {
  /** One for each key: a receiver with both reports only the second one's reason. */
  readonly #receivers: readonly Receiver[];
  readonly #publicUrl: string;
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  /** What was signed, by when it was taken (monotonic, ms), oldest first. */
  readonly #taken = new Map<string, number>();
  #genuine = 0;
  #refused = 0;
  #refusal: { at: number; reason: string } | null = null;

  /** `publicUrl` is the address rings are published for: what the request says of itself may be a proxy's. */
  constructor(keys: QStashSigningKeys, publicUrl: string, clock: Pick<Clock, "now" | "monotonic">) {
    this.#receivers = [keys.current, keys.next].map(
      // All options are set: the receiver would read the environment for missing keys.
      (key) => new Receiver({ currentSigningKey: key, nextSigningKey: key, devMode: false }),
    );
    this.#publicUrl = publicUrl;
    this.#clock = clock;
  }

  /** Judges a delivery to `path`. A genuine one counts as taken: the same again is not. Never rejects. */
  async judge(signature: string, body: Uint8Array, path: QueuePath): Promise<SignatureVerdict> {
    const verdict = await this.#verdict(signature, body, path);
    if (verdict.genuine) this.#genuine += 1;
    else {
      this.#refused += 1;
      this.#refusal = { at: this.#clock.now(), reason: verdict.reason };
    }
    return verdict;
  }

  /**
   * Degraded when deliveries came and not one was genuine: then the keys, the region or the public address are most
   * likely wrong here. After the first genuine one a refusal is the sender's fault.
   */
  health(): DeliveryHealth {
    const figures = { deliveriesTaken: this.#genuine, deliveriesRefused: this.#refused };
    if (this.#refusal === null || this.#genuine > 0) return { status: "ok", ...figures };
    const at = new Date(this.#refusal.at).toISOString();
    return {
      status: "degraded",
      detail: `no delivery was QStash's so far; the last one, at ${at}, was refused because ${this.#refusal.reason}: compare the signing keys, the region and the public address`,
      ...figures,
    };
  }

  async #verdict(signature: string, body: Uint8Array, path: QueuePath): Promise<SignatureVerdict> {
    const text = exactText(body);
    if (text === null) return { genuine: false, reason: "the body is no UTF-8 text, so nobody signed it" };
    const reasons: string[] = [];
    for (const receiver of this.#receivers) {
      const reason = await this.#flaw(receiver, signature, text, path);
      if (reason === null) return this.#take(signature);
      reasons.push(reason);
    }
    return { genuine: false, reason: reasons.find((reason) => reason !== WRONG_KEY) ?? WRONG_KEY };
  }

  /** Undoes taking a delivery: nothing was done for it, and it may be sent again. */
  release(signature: string): void {
    this.#taken.delete(signedPart(signature));
  }

  async #flaw(receiver: Receiver, signature: string, body: string, path: QueuePath): Promise<string | null> {
    try {
      const url = queueAddress(this.#publicUrl, path);
      await receiver.verify({ signature, body, url, clockTolerance: CLOCK_TOLERANCE_SECONDS });
      return null;
    } catch (error) {
      return reasonOf(error);
    }
  }

  #take(signature: string): SignatureVerdict {
    const delivery = signedPart(signature);
    this.#forgetOld();
    if (this.#taken.has(delivery)) return { genuine: false, reason: "this very delivery was taken before" };
    this.#taken.set(delivery, this.#clock.monotonic());
    return { genuine: true };
  }

  #forgetOld(): void {
    const since = this.#clock.monotonic() - REMEMBERED_MS;
    for (const [delivery, at] of this.#taken) {
      if (at >= since && this.#taken.size < MAX_REMEMBERED) return;
      this.#taken.delete(delivery);
    }
  }
}

/** The text whose UTF-8 is exactly these bytes; null when there is none. */
function exactText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Header and claims of the token: unlike its signature they cannot be spelled in two ways. */
function signedPart(signature: string): string {
  return signature.slice(0, signature.lastIndexOf("."));
}

/**
 * The receiver's own messages name claims and hashes, which the sender knows; other errors are reported as failed only.
 */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error) || error.name !== "SignatureError") return "the signature cannot be read";
  if (error.message.startsWith("invalid subject")) return "it was signed for another address";
  if (error.message.startsWith("body hash")) return "the body is not the one that was signed";
  if (error.message.includes('"exp"')) return "it has expired";
  if (error.message.includes('"nbf"')) return "it is not valid yet";
  return WRONG_KEY;
}
