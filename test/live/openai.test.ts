/** One cheap picture by OpenAI itself, through the whole gateway. Skipped without OPENAI_API_KEY. */

import { expect, test } from "vitest";
import { paidGateway } from "../fixture/providers/paid-gateway.ts";

const { OPENAI_API_KEY } = process.env;
const given = OPENAI_API_KEY !== undefined && OPENAI_API_KEY !== "";

test.skipIf(!given)(
  given
    ? "OpenAI makes a small picture"
    : "OpenAI makes a small picture (skipped: OPENAI_API_KEY is not set)",
  async () => {
    const gateway = await paidGateway({ providers: { openai: { apiKey: OPENAI_API_KEY } } });
    try {
      const response = await fetch(`${gateway.url}/v1/images/generations`, {
        method: "POST",
        headers: { authorization: `Bearer ${gateway.key}`, "content-type": "application/json" },
        body: JSON.stringify({
          model: "openai/gpt-image-2.6-flare",
          prompt: "a red boat",
          size: "1024x1024",
          quality: "low",
          response_format: "url",
        }),
      });
      const answer = (await response.json()) as { data?: { url: string }[] };
      expect(response.status, JSON.stringify(answer)).toBe(200);
      const picture = await fetch(answer.data?.[0]?.url ?? "");
      expect(picture.headers.get("content-type")).toBe("image/png");
      expect((await picture.arrayBuffer()).byteLength).toBeGreaterThan(10_000);
    } finally {
      await gateway.close();
    }
  },
);
