/** Keys from a provider: renewed in time, and whatever the provider does is told in words. */

import { describe, expect, test } from "vitest";
import { Credentials, type TokenProvider } from "../../../src/client/transport/credentials.ts";
import { TokenProviderError } from "../../../src/client/transport/errors.ts";
import { ManualClock, settled } from "../../fixture/manual-clock.ts";

function provided(tokenProvider: TokenProvider) {
  const clock = new ManualClock();
  return { clock, credentials: new Credentials({ tokenProvider }, clock) };
}
const outcomeOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe("a token provider", () => {
  test("is asked again when the machine has slept past the end of its key", async () => {
    let asked = 0;
    const { clock, credentials } = provided(() => {
      asked += 1;
      return { key: `ek_${asked}`, expiresAt: new Date(clock.now() + 60_000).toISOString() };
    });
    expect(await credentials.token()).toBe("ek_1");
    clock.sleep(3_600_000);
    expect(await credentials.token()).toBe("ek_2");
    expect(await credentials.token()).toBe("ek_2");
  });

  test("is not asked at every request on a machine whose clock is ahead, only when a key is refused", async () => {
    let asked = 0;
    const { clock, credentials } = provided(() => {
      asked += 1;
      return { key: `ek_${asked}`, expiresAt: new Date(clock.now() - 3_600_000).toISOString() };
    });
    expect([await credentials.token(), await credentials.token()]).toEqual(["ek_1", "ek_1"]);
    credentials.refused("ek_0");
    expect(await credentials.token()).toBe("ek_1");
    credentials.refused("ek_1");
    expect(await credentials.token()).toBe("ek_2");
  });

  test("that does not answer is given up, and a caller that leaves does not wait for it", async () => {
    const { clock, credentials } = provided(() => new Promise(() => {}));
    const leaving = new AbortController();
    const left = outcomeOf(credentials.token(leaving.signal));
    const waited = outcomeOf(credentials.token());
    leaving.abort("enough");
    expect(await left).toBe("enough");
    await settled();
    await clock.advance(30_000);
    expect(await waited).toBeInstanceOf(TokenProviderError);
    expect(clock.pendingTimers).toBe(0);
  });

  test("that throws or answers no key is told as an error of its own, and asked anew", async () => {
    const answers: (() => unknown)[] = [
      () => {
        throw new Error("my server is away");
      },
      () => ({ error: "none" }),
      () => "ek_3",
    ];
    const { credentials } = provided((() => answers.shift()?.()) as TokenProvider);
    expect(await outcomeOf(credentials.token())).toMatchObject({
      name: "TokenProviderError",
      cause: { message: "my server is away" },
    });
    expect(await outcomeOf(credentials.token())).toBeInstanceOf(TokenProviderError);
    expect(await credentials.token()).toBe("ek_3");
  });
});
