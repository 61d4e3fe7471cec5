/** What must hold of every price, every request and whatever an adapter says came of it. */

import { describe, expect, test } from "vitest";
import { totalMicros } from "../../../../src/accounts/prices/amount.ts";
import { reservationFor } from "../../../../src/accounts/prices/dearest-price.ts";
import { settledBill } from "../../../../src/accounts/prices/settle.ts";
import { anyNumber, anyPrice, anyRequest, pictureOf } from "../../../fixture/prices.ts";
import fc from "../../../fixture/property.ts";

/** The same cases in every run. */
const RUN = { seed: 20_261_130, numRuns: 3_000 } as const;

const anyUsage = fc.record(
  {
    images: anyNumber,
    seconds: anyNumber,
    megapixels: anyNumber,
    tokens: fc.record(
      {
        input: anyNumber,
        textInput: anyNumber,
        cachedTextInput: anyNumber,
        imageInput: anyNumber,
        cachedImageInput: anyNumber,
        output: anyNumber,
        textOutput: anyNumber,
        imageOutput: anyNumber,
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

describe("a settlement", () => {
  test("is a whole amount from nothing to the reservation, whatever the provider says", () => {
    fc.assert(
      fc.property(
        anyPrice,
        anyRequest,
        anyUsage,
        fc.option(anyNumber, { nil: undefined }),
        fc.nat(12),
        fc.boolean(),
        fc.record({ width: anyNumber, height: anyNumber, durationSeconds: anyNumber }),
        (price, request, usage, costMicros, came, own, measures) => {
          const reservedMicros = reservationFor(price, request);
          const { chargedMicros, upstreamMicros } = settledBill({ price, reservedMicros, own }, request, {
            items: Array.from({ length: came }, (_, index) => pictureOf(index, measures)),
            usage,
            ...(costMicros !== undefined && { costMicros }),
          });
          expect(Number.isSafeInteger(reservedMicros)).toBe(true);
          expect(Number.isSafeInteger(chargedMicros)).toBe(true);
          expect(Number.isSafeInteger(upstreamMicros)).toBe(true);
          expect(chargedMicros).toBeGreaterThanOrEqual(0);
          expect(chargedMicros).toBeLessThanOrEqual(reservedMicros);
          expect(upstreamMicros).toBeGreaterThanOrEqual(0);
        },
      ),
      RUN,
    );
  });

  test("of a result of a model that costs something is never nothing", () => {
    fc.assert(
      fc.property(anyPrice, anyRequest, anyUsage, fc.boolean(), (price, request, usage, own) => {
        const reservedMicros = reservationFor(price, request);
        const bill = settledBill({ price, reservedMicros, own }, request, {
          items: [pictureOf(0)],
          usage,
          costMicros: 0,
        });
        expect(bill.chargedMicros > 0).toBe(price.kind !== "free");
      }),
      RUN,
    );
  });

  test("of what was asked for is no more than was reserved, so that nothing is overrun", () => {
    fc.assert(
      fc.property(anyPrice, anyRequest, fc.nat(10), (price, request, missing) => {
        const came = Math.max(1, request.n - missing);
        const reservedMicros = reservationFor(price, request);
        const items = Array.from({ length: came }, (_, index) => pictureOf(index));
        const usage = {
          images: came,
          ...(request.seconds !== null && { seconds: came * request.seconds }),
        };
        const bill = settledBill({ price, reservedMicros, own: false }, request, { items, usage });
        expect(bill.upstreamMicros).toBeLessThanOrEqual(reservedMicros);
        expect(bill.chargedMicros).toBe(price.kind === "free" ? 0 : bill.upstreamMicros);
      }),
      RUN,
    );
  });

  test("grows with what came", () => {
    fc.assert(
      fc.property(anyPrice, anyRequest, (price, request) => {
        const reservedMicros = reservationFor(price, request);
        const charges = Array.from({ length: request.n + 1 }, (_, came) => {
          const items = Array.from({ length: came }, (__, index) => pictureOf(index));
          return settledBill({ price, reservedMicros, own: false }, request, { items }).chargedMicros;
        });
        expect(charges).toEqual(charges.toSorted((one, other) => one - other));
        expect(charges[0]).toBe(0);
      }),
      RUN,
    );
  });
});

describe("a reservation", () => {
  test("for a request that leaves things open is at least that for every request that names them", () => {
    fc.assert(
      fc.property(anyPrice, anyRequest, (price, request) => {
        const open = reservationFor(price, request);
        for (const size of request.sizes)
          expect(reservationFor(price, { ...request, sizes: [size] })).toBeLessThanOrEqual(open);
        for (const quality of request.qualities)
          expect(reservationFor(price, { ...request, qualities: [quality] })).toBeLessThanOrEqual(open);
        // Lines that name all pictures a model makes say nothing of others.
        if (price.kind === "per_image" && price.micros === undefined) return;
        expect(open).toBeLessThanOrEqual(reservationFor(price, { ...request, qualities: [] }));
      }),
      RUN,
    );
  });
});

describe("a total", () => {
  test("is the exact sum, rounded up once", () => {
    expect(totalMicros([[3, 0.1]])).toBe(1);
    expect(totalMicros([[30, 0.1]])).toBe(3);
    expect(totalMicros(Array.from({ length: 10 }, () => [1, 0.1] as const))).toBe(1);
    expect(totalMicros([[1_000_000, 1.25]])).toBe(1_250_000);
    expect(totalMicros([[1, 0.000_001]])).toBe(1);
    expect(totalMicros([])).toBe(0);
  });

  test("takes what is no amount for nothing, and stays a number that can be stored", () => {
    expect(
      totalMicros([
        [Number.NaN, 5],
        [-3, 5],
        [0, 5],
        [2, 5],
      ]),
    ).toBe(10);
    expect(totalMicros([[1e300, 1e5]])).toBe(Number.MAX_SAFE_INTEGER);
  });
});
