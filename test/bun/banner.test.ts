import { describe, expect, it } from "vitest";
import { type BannerFacts, banner, localAddress } from "../../src/runtime/process/banner.ts";

const KEY = `condt_${"b".repeat(43)}`;
const FACTS: BannerFacts = {
  version: "0.1.0",
  host: "127.0.0.1",
  port: 8787,
  publicUrl: null,
  keys: {
    bootstrap: { plain: KEY, configured: false },
    admin: { plain: "cadm_a", configured: false },
  },
  keysFile: "/srv/app/.conduit/keys.json",
  dataDirectory: "/srv/app/.conduit",
  model: "local/canvas",
  console: true,
  terminal: true,
};

/** The arguments a shell makes of a pasted line. */
async function argumentsOf(line: string, env: Record<string, string>): Promise<string[]> {
  const shell = Bun.spawn(["sh", "-c", `curl() { printf '%s\\0' "$@"; }\n${line}`], { env, stdout: "pipe" });
  return (await new Response(shell.stdout).text()).split("\0").slice(0, -1);
}

function pasted(text: string): string[] {
  return text.split("\n").filter((line) => line.trim().startsWith("curl "));
}

describe("the banner", () => {
  it("tells the address, the keys that were made, and where the data is", () => {
    const text = banner(FACTS);
    for (const fact of ["http://127.0.0.1:8787", KEY, "cadm_a", "/srv/app/.conduit", "0.1.0"])
      expect(text).toContain(fact);
  });

  it("has a line that paints a picture and one that follows it, whole when pasted into a shell", async () => {
    const [follow = "", paint = ""] = pasted(banner(FACTS));
    expect(await argumentsOf(follow, {})).toEqual([
      "-N",
      "http://127.0.0.1:8787/v1/events",
      "-H",
      `authorization: Bearer ${KEY}`,
    ]);
    const sent = await argumentsOf(paint, {});
    expect(sent.slice(0, 6)).toEqual([
      "-s",
      "http://127.0.0.1:8787/v1/images/generations/async",
      "-H",
      `authorization: Bearer ${KEY}`,
      "-H",
      "content-type: application/json",
    ]);
    expect(JSON.parse(sent.at(-1) ?? "")).toMatchObject({ model: "local/canvas" });
  });

  it("has a link that opens the console with the key, which is not in it where the operator configured one", () => {
    expect(banner(FACTS)).toContain(`\n    http://127.0.0.1:8787/#key=${KEY}\n`);
    const keys = { ...FACTS.keys, bootstrap: { plain: KEY, configured: true } };
    expect(banner({ ...FACTS, keys })).toContain("\n    http://127.0.0.1:8787/\n");
    expect(banner({ ...FACTS, console: false })).not.toContain("console");
    expect(banner({ ...FACTS, terminal: false })).not.toContain("#key");
  });

  it("repeats no configured key: the pasted line takes it from the shell's environment", async () => {
    const text = banner({
      ...FACTS,
      keys: {
        bootstrap: { plain: KEY, configured: true },
        admin: { plain: "operator-secret", configured: true },
      },
    });
    expect(text).not.toContain(KEY);
    expect(text).not.toContain("operator-secret");
    const [follow = ""] = pasted(text);
    expect(await argumentsOf(follow, { CONDUIT_BOOTSTRAP_KEY: KEY })).toContain(
      `authorization: Bearer ${KEY}`,
    );
  });

  it("says without a terminal where the keys are, and not what they are", () => {
    const text = banner({ ...FACTS, terminal: false });
    expect(text).not.toContain(KEY);
    expect(text).not.toContain("cadm_a");
    expect(text).toMatch(/API key +bootstrapKey in \/srv\/app\/.conduit\/keys\.json/);
    expect(text).toMatch(/Admin key +adminKey in \/srv\/app\/.conduit\/keys\.json/);
    expect(pasted(text)).toEqual([]);
  });

  it("says what it listens on, and when that is more than this machine", () => {
    for (const host of ["127.0.0.1", "localhost", "::1"])
      expect(banner({ ...FACTS, host })).not.toContain("Other machines");
    const every = banner({ ...FACTS, host: "0.0.0.0" });
    expect(every).toContain(
      "every address of this machine (HOST=0.0.0.0), port 8787; from here http://127.0.0.1:8787",
    );
    expect(every).toContain("Other machines can reach it");
    expect(banner({ ...FACTS, host: "10.0.0.7", terminal: false })).toMatch(
      /listening on http:\/\/10\.0\.0\.7:8787\n.*Other machines can reach it/,
    );
  });

  it("names an address a person on the machine can open, whatever the server listens on", () => {
    expect(localAddress("0.0.0.0", 80)).toBe("http://127.0.0.1:80");
    expect(localAddress("::", 80)).toBe("http://127.0.0.1:80");
    expect(localAddress("::1", 80)).toBe("http://[::1]:80");
    expect(localAddress("10.0.0.7", 80)).toBe("http://10.0.0.7:80");
    expect(banner({ ...FACTS, publicUrl: "https://media.example" })).toContain("https://media.example");
  });
});
