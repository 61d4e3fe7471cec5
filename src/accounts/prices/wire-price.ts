/** Prices in dollars, as clients read them in `GET /v1/models` and operators write them in the setting `prices`. */

import type { WirePricing, WireRate } from "../../protocol/model.ts";
import type { Price } from "../../tasks/ports/price.ts";

const MICROS_PER_DOLLAR = 1_000_000;

/** `usd` is that of the dearest unit; what it depends on stands in `rates`. */
export function wirePrice(price: Price): WirePricing {
  switch (price.kind) {
    case "free":
      return { free: true };
    case "per_image": {
      const rates =
        price.by?.map(({ micros, ...line }): WireRate => ({ ...line, usd: dollars(micros) })) ?? [];
      return paid("image", rates, price.micros);
    }
    case "per_token": {
      const rates = Object.entries(price.rates).map(([tokens, usd]): WireRate => ({ tokens, usd }));
      return { ...paid("million_tokens", rates), most: price.most };
    }
    case "per_megapixel": {
      const { micros, firstMicros = micros, inputMicros, megapixels } = price;
      return {
        free: false,
        unit: "megapixel",
        usd: dollars(Math.max(micros, firstMicros)),
        ...(firstMicros !== micros && { firstUsd: dollars(firstMicros), furtherUsd: dollars(micros) }),
        ...(inputMicros !== undefined && { inputUsd: dollars(inputMicros) }),
        megapixels,
      };
    }
    case "per_second": {
      const { micros, by = [], longestSeconds } = price;
      const rates = by.map(({ upTo, micros: rate }): WireRate => ({ upTo: `${upTo}p`, usd: dollars(rate) }));
      return { ...paid("second", rates, micros), longestSeconds };
    }
    case "per_video": {
      const rates = price.by?.map(
        ({ upTo, seconds, micros }): WireRate => ({
          ...(seconds !== undefined && { seconds }),
          ...(upTo !== undefined && { upTo: `${upTo}p` }),
          usd: dollars(micros),
        }),
      );
      return paid("video", rates ?? [], price.micros);
    }
    case "per_session": {
      const { tokens, minuteMicros = 0, audioMinuteMicros = 0 } = price;
      const minuteUsd = dollars(minuteMicros + audioMinuteMicros);
      if (tokens === undefined) return { free: false, unit: "minute", usd: minuteUsd };
      const rates = Object.entries(tokens).map(([kind, usd]): WireRate => ({ tokens: kind, usd }));
      return { ...paid("million_tokens", rates), ...(minuteUsd > 0 && { minuteUsd }) };
    }
  }
}

type Paid = Exclude<WirePricing, { free: true }>;

function paid(unit: Paid["unit"], rates: readonly WireRate[], micros?: number): Paid {
  const all = [...rates.map(({ usd }) => usd), ...(micros === undefined ? [] : [dollars(micros)])];
  // Where rates do not name everything, the rest costs this; elsewhere it is their dearest.
  const rest = micros !== undefined && rates.length > 0 ? { otherUsd: dollars(micros) } : {};
  return { free: false, unit, usd: Math.max(...all), ...(rates.length > 0 && { rates }), ...rest };
}

/** Of micro-dollars, which may be fractions: without what binary fractions add. */
function dollars(micros: number): number {
  return Number((micros / MICROS_PER_DOLLAR).toPrecision(12));
}
