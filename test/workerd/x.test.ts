import { exports } from "cloudflare:workers";
import { expect, test } from "vitest";
test("live", async () => { const r = await exports.default.fetch("http://x/health/live"); expect(r.status).toBe(204); });
