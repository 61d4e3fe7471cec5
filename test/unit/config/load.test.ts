import { describe, expect, it } from "vitest";
import type { ConfigHost } from "../../../src/config/derived-defaults.ts";
import { ConfigError, loadConfig, secretsOf } from "../../../src/config/load.ts";

type Env = Record<string, string | undefined>;

function settings(env: Env, file?: unknown) {
  return loadConfig({ env, file: file === undefined ? null : JSON.stringify(file) }).settings;
}

function warnings(env: Env, file?: unknown) {
  return loadConfig({ env, file: file === undefined ? null : JSON.stringify(file) }).warnings;
}

function problems(env: Env, file?: unknown, host: ConfigHost = "process"): string[] {
  try {
    loadConfig({
      env,
      host,
      file: file === undefined ? null : typeof file === "string" ? file : JSON.stringify(file),
    });
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems.map(({ name, expected, came }) => `${name}: expected ${expected}, got ${came}`);
    }
    throw error;
  }
  return [];
}

describe("the order of sources", () => {
  it("takes the defaults where nothing is said", () => {
    const defaults = settings({});
    expect(defaults.server).toMatchObject({
      port: 8787,
      host: "127.0.0.1",
      dataDir: ".conduit",
      publicUrl: null,
    });
    expect(defaults.imageGeneration).toEqual({ maxConcurrency: 3, timeoutSeconds: 300, maxAttempts: 3 });
    expect(defaults.videoGeneration).toEqual({ maxConcurrency: 3, timeoutSeconds: 1800, maxAttempts: 3 });
    expect(defaults.engine).toMatchObject({
      leaseMs: 9000,
      renewMs: 3000,
      shutdownMs: 10_000,
      progressPerSecond: 10,
    });
    expect(defaults.events).toMatchObject({ heartbeatMs: 15_000, slowSweepMs: 100, slowBytes: 65_536 });
    expect(defaults.hubs).toMatchObject({
      snapshotDelayMs: 50,
      keepAliveSeconds: 15,
      clientTimeoutSeconds: 30,
    });
    expect(defaults.keys).toMatchObject({ bootstrap: null, admin: null });
    expect(warnings({})).toEqual([]);
  });

  it("lets conduit.json overrule a default, CONDUIT_CONFIG the file, and a variable both", () => {
    const file = { queue: { maxQueuedPerKey: 1, maxWaitSeconds: 1 }, server: { port: 1 } };
    const env = {
      CONDUIT_CONFIG: '{"queue":{"maxQueuedPerKey":2},"server":{"port":2}}',
      CONDUITLLM__QUEUE__MAXQUEUEDPERKEY: "3",
    };
    expect(settings(env, file).queue).toEqual({ maxQueuedPerKey: 3, maxWaitSeconds: 1 });
    expect(settings(env, file).server.port).toBe(2);
  });

  it("replaces a list as a whole instead of mixing the sources' items", () => {
    const file = { cors: { origins: ["https://one.example", "https://two.example"] } };
    expect(settings({ CONDUITLLM__CORS__ORIGINS__0: "https://three.example" }, file).cors.origins).toEqual([
      "https://three.example",
    ]);
  });

  it("merges maps, so that one alias in a variable leaves the file's others", () => {
    const file = { models: { aliases: { quick: "local/canvas" } } };
    expect(settings({ CONDUITLLM__MODELS__ALIASES__slow: "local/canvas" }, file).models.aliases).toEqual({
      quick: "local/canvas",
      slow: "local/canvas",
    });
  });
});

describe("spellings", () => {
  it("reads CONDUITLLM__ variables in any letter case", () => {
    expect(
      settings({ CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY: "5" }).imageGeneration.maxConcurrency,
    ).toBe(5);
    expect(
      settings({ ConduitLLM__ImageGeneration__MaxConcurrency: "6" }).imageGeneration.maxConcurrency,
    ).toBe(6);
  });

  it("reads JSON names in any letter case", () => {
    expect(settings({}, { ImageGeneration: { MAXCONCURRENCY: 7 } }).imageGeneration.maxConcurrency).toBe(7);
  });

  it("knows PORT and its like in JSON and behind the prefix as well", () => {
    expect(settings({ PORT: "1" }).server.port).toBe(1);
    expect(settings({}, { PORT: 2 }).server.port).toBe(2);
    expect(settings({ CONDUITLLM__PORT: "3" }).server.port).toBe(3);
    expect(settings({ CONDUITLLM__SERVER__PORT: "4" }).server.port).toBe(4);
  });

  it("counts an empty variable and a JSON null as absent", () => {
    expect(settings({ PORT: "", CONDUIT_CONFIG: " " }, { server: { port: null } }).server.port).toBe(8787);
  });

  it("reads lists as numbered variables, as text with commas and as JSON", () => {
    const origins = ["https://a.example", "http://localhost:*"];
    const numbered = { CONDUITLLM__CORS__ORIGINS__1: origins[1], CONDUITLLM__CORS__ORIGINS__0: origins[0] };
    expect(settings(numbered).cors.origins).toEqual(origins);
    expect(settings({ CONDUITLLM__CORS__ORIGINS: origins.join(", ") }).cors.origins).toEqual(origins);
    expect(settings({}, { cors: { origins } }).cors.origins).toEqual(origins);
  });

  it("takes origins of pages, of apps and of nobody, and refuses what no Origin header can be", () => {
    const origins = [
      "https://*.example.com",
      "http://[::1]:*",
      "app://obsidian.md",
      "app://",
      "tauri://localhost",
      "capacitor://localhost",
      "chrome-extension://abcdefghijklmnop",
      "vscode-webview://*",
      "null",
      "*",
    ];
    expect(settings({}, { cors: { origins } }).cors.origins).toEqual(origins);
    for (const wrong of [
      "example.com",
      "https://a.example/path",
      "https://*",
      "https://a.*.example",
      "https://",
    ])
      expect(() => settings({}, { cors: { origins: [wrong] } }), wrong).toThrow("cors.origins");
  });

  it.each([
    ["true", true],
    ["1", true],
    ["Yes", true],
    ["on", true],
    ["FALSE", false],
    ["0", false],
    ["off", false],
  ])("takes %s as a flag", (text, value) => {
    expect(settings({ CONDUITLLM__MEDIA__FSYNC: text }).media.fsync).toBe(value);
  });

  it("reads the Realtime block of the field in any letter case", () => {
    const expected = {
      openai: {
        webSocketUrl: "wss://api.openai.com/v1/realtime",
        models: ["gpt-realtime-2.1"],
        voices: [],
        subprotocols: ["realtime"],
        headers: { "X-Team": "blue" },
      },
    };
    const block = {
      Realtime: {
        Providers: {
          OpenAI: {
            WebSocketUrl: "wss://api.openai.com/v1/realtime",
            Models: ["gpt-realtime-2.1"],
            Subprotocols: ["realtime"],
            Headers: { "X-Team": "blue" },
          },
        },
      },
    };
    expect(settings({}, block).realtime.providers).toEqual(expected);
    expect(settings({ CONDUIT_CONFIG: JSON.stringify(block) }).realtime.providers).toEqual(expected);
    const prefix = "CONDUITLLM__REALTIME__PROVIDERS__OPENAI__";
    const env = {
      [`${prefix}WEBSOCKETURL`]: "wss://api.openai.com/v1/realtime",
      [`${prefix}MODELS__0`]: "gpt-realtime-2.1",
      [`${prefix}SUBPROTOCOLS__0`]: "realtime",
      [`${prefix}HEADERS__X-Team`]: "blue",
    };
    expect(settings(env).realtime.providers).toEqual(expected);
    expect(settings({ CONDUITLLM__REALTIME: JSON.stringify(block.Realtime) }).realtime.providers).toEqual(
      expected,
    );
  });

  it("keeps operator's names that only look like members of every object", () => {
    const { aliases } = settings(
      {},
      { models: { aliases: JSON.parse('{"__proto__":"local/canvas","constructor":"x"}') } },
    ).models;
    expect(Object.keys(aliases)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(aliases)).toBe(Object.prototype);
  });
});

describe("decided from other settings", () => {
  it("lets pages of this machine in while only this machine can reach the server", () => {
    const own = ["http://localhost:*", "http://127.0.0.1:*"];
    expect(settings({}).cors.origins).toEqual(own);
    expect(settings({ HOST: "localhost" }).cors.origins).toEqual(own);
    expect(settings({ HOST: "[::1]" }).cors.origins).toEqual(own);
    expect(settings({ HOST: "0.0.0.0" }).cors.origins).toEqual([]);
    expect(settings({}, { cors: { origins: [] } }).cors.origins).toEqual([]);
  });

  it("takes slashes off the end of the public address, and brackets off a host", () => {
    expect(settings({ CONDUIT_PUBLIC_URL: "https://media.example/base//" }).server.publicUrl).toBe(
      "https://media.example/base",
    );
    expect(settings({ HOST: "[::]" }).server.host).toBe("::");
  });
});

describe("wrong values", () => {
  it("names a setting as the operator spelled it, what was expected and what came", () => {
    expect(problems({ PORT: "http" })).toEqual(['PORT: expected a whole number from 0 to 65535, got "http"']);
    expect(problems({ ConduitLLM__ImageGeneration__MaxConcurrency: "0" })).toEqual([
      'ConduitLLM__ImageGeneration__MaxConcurrency: expected a whole number from 1 to 10000, got "0"',
    ]);
    expect(problems({}, { ImageGeneration: { maxConcurrency: "many" } })).toEqual([
      'ImageGeneration.maxConcurrency (conduit.json): expected a whole number from 1 to 10000, got "many"',
    ]);
    expect(problems({ CONDUIT_CONFIG: '{"queue":{"maxQueuedPerKey":1.5}}' })).toEqual([
      "queue.maxQueuedPerKey (CONDUIT_CONFIG): expected a whole number from 1 to 10000000, got 1.5",
    ]);
  });

  it.each([
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PORT", "0x50"],
    ["PORT", "1e3"],
    ["HOST", "http://localhost"],
    ["HOST", "localhost:80"],
    ["CONDUIT_PUBLIC_URL", "media.example"],
    ["CONDUIT_PUBLIC_URL", "https://media.example/?a=1"],
    ["CONDUIT_BOOTSTRAP_KEY", "condt_short"],
    ["CONDUIT_ADMIN_KEY", "short"],
    ["CONDUITLLM__CORS__ORIGINS", "https://app.example/path"],
    ["CONDUITLLM__LOGGING__LEVEL", "loud"],
    ["CONDUITLLM__REALTIME__PROVIDERS__OPENAI__WEBSOCKETURL", "https://api.openai.com"],
    ["CONDUITLLM__REALTIME__DEFAULTS__PROVIDERSPECIFIC", "[1]"],
    ["CONDUITLLM__MEDIA__FSYNC", "maybe"],
  ])("refuses %s=%s", (name, value) => {
    expect(problems({ [name]: value })).toHaveLength(1);
    expect(problems({ [name]: value })[0]).toMatch(new RegExp(`^${name}: expected `));
  });

  it("reports several problems together", () => {
    const error = (() => {
      try {
        loadConfig({ env: { PORT: "x", CONDUITLLM__ENGINE__LEASEMS: "y" }, file: '{"queue":3}' });
      } catch (thrown) {
        return thrown;
      }
      return null;
    })();
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain("PORT");
    expect(String(error)).toContain("CONDUITLLM__ENGINE__LEASEMS");
    expect(String(error)).toContain("queue (conduit.json): expected a JSON object, got a number");
  });

  it("says so when a file or CONDUIT_CONFIG is no JSON, without repeating its text", () => {
    expect(problems({}, "{ not json: condt_secret")).toEqual([
      "conduit.json: expected a JSON object, got text that is no JSON",
    ]);
    expect(problems({ CONDUIT_CONFIG: "[1]" })).toEqual([
      "CONDUIT_CONFIG: expected a JSON object, got a list",
    ]);
  });

  it("reads a file that begins with a byte order mark", () => {
    expect(loadConfig({ env: {}, file: '\uFEFF{"server":{"port":99}}' }).settings.server.port).toBe(99);
  });

  it("refuses two spellings of one setting that disagree, and takes them when they agree", () => {
    expect(problems({ PORT: "1", CONDUITLLM__SERVER__PORT: "2" })).toHaveLength(1);
    expect(problems({ PORT: "1", CONDUITLLM__SERVER__PORT: "1" })).toEqual([]);
    expect(
      problems({ CONDUITLLM__queue__maxWaitSeconds: "1", CONDUITLLM__QUEUE__MAXWAITSECONDS: "2" }),
    ).toHaveLength(1);
    expect(
      problems({
        CONDUITLLM__CORS__ORIGINS: "https://a.example",
        CONDUITLLM__CORS__ORIGINS__0: "https://b.example",
      }),
    ).toHaveLength(1);
  });

  it("refuses timers that cannot work together", () => {
    expect(problems({ CONDUITLLM__ENGINE__LEASEMS: "300" })).toEqual([
      "engine.renewMs: expected at most half of CONDUITLLM__ENGINE__LEASEMS (300), got 3000",
    ]);
    expect(problems({ CONDUITLLM__ENGINE__LEASEMS: "300", CONDUITLLM__ENGINE__RENEWMS: "100" })).toEqual([]);
    expect(problems({ CONDUITLLM__ENGINE__RETRYCAPMS: "10" })).toHaveLength(1);
    expect(problems({ CONDUITLLM__HUBS__KEEPALIVESECONDS: "30" })).toHaveLength(1);
  });

  it("refuses an admin key that apps have as well", () => {
    const key = `condt_${"k".repeat(43)}`;
    expect(problems({ CONDUIT_BOOTSTRAP_KEY: key, CONDUIT_ADMIN_KEY: key })).toHaveLength(1);
  });
});

describe("secrets", () => {
  const SECRET = "hunter2hunter2 hunter2";

  it.each([
    "CONDUIT_BOOTSTRAP_KEY",
    "CONDUIT_ADMIN_KEY",
    "OPENAI_API_KEY",
    "UPSTASH_REDIS_REST_TOKEN",
    "QSTASH_TOKEN",
    "CONDUITLLM__REDIS__CONNECTIONSTRING",
  ])("shows no wrong value of %s", (name) => {
    const [problem = ""] = problems({ [name]: SECRET });
    expect(problem).toContain(name);
    expect(problem).not.toContain("hunter2");
    expect(problem).toContain(`a text of ${SECRET.length} characters (not shown)`);
  });

  it("shows no header of a realtime provider", () => {
    const [problem = ""] = problems(
      {},
      { realtime: { providers: { openai: { headers: { "x-key": "\u0000hunter2" } } } } },
    );
    expect(problem).toContain("x-key");
    expect(problem).not.toContain("hunter2");
  });

  it("shows no key that was pasted into the wrong place, and no password of an address", () => {
    const key = `condt_${"k".repeat(43)}`;
    const told = [
      ...problems({ PORT: key, CONDUIT_PUBLIC_URL: "https://user:hunter2@media.example" }),
      ...warnings({ [`CONDUIT_${key}`]: "x" }, { [key]: true }),
    ].join("\n");
    expect(told).not.toContain("kkkkkk");
    expect(told).not.toContain("hunter2");
  });
});

describe("secretsOf", () => {
  it("finds every secret, also those under an operator's names, and nothing else", () => {
    const admin = "an-admin-key-of-the-operator";
    const file = {
      realtime: { providers: { a: { headers: { one: "header-1" } }, b: { headers: { two: "header-2" } } } },
    };
    const secrets = secretsOf(settings({ CONDUIT_ADMIN_KEY: admin, FAL_KEY: "fal-key" }, file));
    expect(secrets.toSorted()).toEqual([admin, "fal-key", "header-1", "header-2"].toSorted());
    expect(secretsOf(settings({}))).toEqual([]);
  });
});

describe("names that are no setting", () => {
  it("warns with the nearest setting, in the same spelling, and starts", () => {
    expect(warnings({ CONDUITLLM__IMAGEGENERATION__MAXCONCURENCY: "5" })).toEqual([
      "CONDUITLLM__IMAGEGENERATION__MAXCONCURENCY is no setting and is ignored; the nearest one is CONDUITLLM__IMAGEGENERATION__MAXCONCURRENCY.",
    ]);
    expect(warnings({}, { imageGeneration: { timeout: 5 } })).toEqual([
      "imageGeneration.timeout (conduit.json) is no setting and is ignored; the nearest one is imageGeneration.timeoutSeconds.",
    ]);
    expect(warnings({ CONDUITLLM__REALTIME__PROVIDERS__OPENAI__MODEL: "x" })[0]).toContain(
      "CONDUITLLM__REALTIME__PROVIDERS__OPENAI__MODELS.",
    );
    expect(warnings({ CONDUIT_DATADIR: "x" })[0]).toContain("CONDUIT_DATA_DIR");
  });

  it("looks for a misspelled group among the groups", () => {
    expect(warnings({}, { quue: { maxWaitSeconds: 5 } })[0]).toContain("the nearest one is queue.");
    expect(warnings({}, { retenton: {} })[0]).toContain("the nearest one is retention.");
  });

  it.each([
    "CONDUITLLM__",
    "CONDUITLLM____",
    "CONDUITLLM__PORT__X",
    "CONDUITLLM__CORS__ORIGINS__X",
    "CONDUITLLM__CORS__ORIGINS__0__1",
  ])("warns of %s", (name) => {
    expect(warnings({ [name]: "{}" }).length + problems({ [name]: "[]" }).length).toBeGreaterThan(0);
  });

  it("says nothing of variables that are not ours", () => {
    expect(warnings({ PATH: "/bin", HOME: "/root", PORTAL: "x", REDIS_URL: "redis://x" })).toEqual([]);
  });

  it("warns of what published voice settings have that providers refuse by now", () => {
    const providers = {
      openai: {
        headers: { "OpenAI-Beta": "realtime=v1", "X-Mine": "1" },
        subprotocols: ["realtime", "openai-beta.realtime-v1"],
      },
    };
    expect(warnings({ CONDUITLLM__REALTIME: JSON.stringify({ Providers: providers }) })).toEqual([
      expect.stringMatching(/headers.*OpenAI-Beta.* is not sent: providers refuse the beta interface/i),
      expect.stringMatching(/subprotocols.*: openai-beta\.realtime-v1 is not offered/i),
    ]);
  });

  it("warns of a short admin key", () => {
    expect(warnings({ CONDUIT_ADMIN_KEY: "adminadmin" })).toHaveLength(1);
  });
});

describe("what the host and the store decide", () => {
  const UPSTASH = { UPSTASH_REDIS_REST_URL: "https://x.upstash.io", UPSTASH_REDIS_REST_TOKEN: "token" };
  const REDIS = { CONDUITLLM__REDIS__CONNECTIONSTRING: "localhost" };
  const near = { leaseMs: 9_000, renewMs: 3_000, sweepIntervalMs: 500 };
  const far = { leaseMs: 60_000, renewMs: 20_000, sweepIntervalMs: 10_000, estimateIntervalMs: 10_000 };

  it.each([
    ["SQLite", "process", {}, { ...near, progressPerSecond: 10 }],
    ["Redis", "process", REDIS, { ...near, progressPerSecond: 1 }],
    ["Upstash", "process", UPSTASH, { ...far, progressPerSecond: 1 }],
    ["a Durable Object", "worker", {}, { ...far, leaseMs: 30_000, renewMs: 5_000, progressPerSecond: 2 }],
    ["Upstash", "worker", UPSTASH, { ...far, progressPerSecond: 1 }],
  ] as [string, ConfigHost, Env, object][])(
    "the pace of the engine on %s (%s)",
    (_store, host, env, pace) => {
      const { engine } = loadConfig({ env, host }).settings;
      expect(engine).toMatchObject(pace);
      expect(engine.renewMs * 3).toBeLessThanOrEqual(engine.leaseMs);
    },
  );

  it.each([
    ["process", 3],
    ["worker", 50],
  ] as [ConfigHost, number][])("how many provider calls may be open at once (%s: %d)", (host, calls) => {
    const { imageGeneration, videoGeneration } = loadConfig({ env: {}, host }).settings;
    expect([imageGeneration.maxConcurrency, videoGeneration.maxConcurrency]).toEqual([calls, calls]);
  });

  it("nothing that the operator has said", () => {
    const engine = {
      leaseMs: 1_000,
      renewMs: 100,
      sweepIntervalMs: 50,
      progressPerSecond: 5,
      estimateIntervalMs: 700,
    };
    const file = { engine, imageGeneration: { maxConcurrency: 7 } };
    for (const host of ["process", "worker"] as const) {
      const decided = loadConfig({ env: UPSTASH, file: JSON.stringify(file), host }).settings;
      expect(decided.engine).toMatchObject(engine);
      expect(decided.imageGeneration.maxConcurrency).toBe(7);
    }
  });
});

describe("the store and the queue", () => {
  const UPSTASH = { UPSTASH_REDIS_REST_URL: "https://x.upstash.io", UPSTASH_REDIS_REST_TOKEN: "token" };
  const QSTASH = { QSTASH_TOKEN: "t", QSTASH_CURRENT_SIGNING_KEY: "c", QSTASH_NEXT_SIGNING_KEY: "n" };
  const REDIS = { CONDUITLLM__REDIS__CONNECTIONSTRING: "localhost:6379" };

  it.each([
    [UPSTASH, "process"],
    [UPSTASH, "worker"],
    [REDIS, "process"],
    [{ ...REDIS, CONDUITLLM__REDIS__REQUIREDURABLE: "true" }, "process"],
    [{ ...QSTASH, CONDUIT_PUBLIC_URL: "https://media.example" }, "worker"],
    [
      { ...QSTASH, ...UPSTASH, QSTASH_URL: "https://q.example", CONDUIT_PUBLIC_URL: "https://m.example" },
      "worker",
    ],
  ] as [Env, ConfigHost][])("takes %o for a %s", (env, host) => {
    expect(problems(env, undefined, host)).toEqual([]);
  });

  it.each([
    [
      { UPSTASH_REDIS_REST_URL: "https://x.upstash.io" },
      "UPSTASH_REDIS_REST_URL: expected UPSTASH_REDIS_REST_TOKEN beside it, got none",
    ],
    [
      { UPSTASH_REDIS_REST_TOKEN: "t" },
      "UPSTASH_REDIS_REST_TOKEN: expected UPSTASH_REDIS_REST_URL beside it, got none",
    ],
  ] as [Env, string][])("tells of half of Upstash's credentials once: %o", (env, told) => {
    expect(problems(env, undefined, "process")).toEqual([told]);
    expect(problems(env, undefined, "worker")).toEqual([told]);
  });

  it.each([
    [
      { QSTASH_TOKEN: "t" },
      "QSTASH_TOKEN: expected QSTASH_CURRENT_SIGNING_KEY and QSTASH_NEXT_SIGNING_KEY beside it, got none of them",
    ],
    [
      { QSTASH_TOKEN: "t", QSTASH_NEXT_SIGNING_KEY: "n" },
      "QSTASH_TOKEN: expected QSTASH_CURRENT_SIGNING_KEY beside it, got none",
    ],
    [
      { QSTASH_CURRENT_SIGNING_KEY: "c", QSTASH_NEXT_SIGNING_KEY: "n" },
      "QSTASH_CURRENT_SIGNING_KEY: expected QSTASH_TOKEN beside it, got none",
    ],
    [
      { QSTASH_URL: "https://q.example" },
      "QSTASH_URL: expected QSTASH_TOKEN, QSTASH_CURRENT_SIGNING_KEY, and QSTASH_NEXT_SIGNING_KEY beside it, got none of them",
    ],
    [
      QSTASH,
      "QSTASH_TOKEN: expected CONDUIT_PUBLIC_URL beside it: the address at which QStash reaches this Worker, got none",
    ],
  ] as [Env, string][])("tells a Worker once what QStash lacks: %o", (env, told) => {
    expect(problems(env, undefined, "worker")).toEqual([told]);
  });

  it.each([QSTASH, { QSTASH_TOKEN: "t" }, { QSTASH_NEXT_SIGNING_KEY: "n" }, { ...QSTASH, ...UPSTASH }])(
    "tells a process once that it needs no QStash: %o",
    (env) => {
      const told = problems(env as Env);
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch(
        /^QSTASH_[A-Z_]+: expected no QStash settings .* outside of Workers: a process is its own queue/,
      );
    },
  );

  it("refuses two stores at once, and a Redis server for a Worker", () => {
    expect(problems({ ...REDIS, ...UPSTASH })).toEqual([
      "CONDUITLLM__REDIS__CONNECTIONSTRING: expected either this or UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN: the state is in one store, got both",
    ]);
    const told = problems(REDIS, undefined, "worker");
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      /^CONDUITLLM__REDIS__CONNECTIONSTRING: expected no value on Workers: .*UPSTASH_REDIS_REST_URL/,
    );
  });

  it("refuses to require a durable Redis server where there is none", () => {
    expect(problems({ CONDUITLLM__REDIS__REQUIREDURABLE: "true" })).toEqual([
      "CONDUITLLM__REDIS__REQUIREDURABLE: expected redis.connectionString beside it, got no Redis server",
    ]);
  });

  it("keeps the password of a Redis server secret, and nothing else of it", () => {
    const env = { CONDUITLLM__REDIS__CONNECTIONSTRING: "redis://user:hunter2@cache.example:6380/1" };
    expect(secretsOf(settings(env))).toEqual(["hunter2"]);
  });
});

describe("a bucket for results", () => {
  const S3 = {
    endpoint: "https://s3.example.com/",
    bucket: "pictures",
    region: "eu-central-1",
    accessKeyId: "AKID",
    secretAccessKey: "s3-secret",
  };

  it("is taken from variables as from a file, and its key is kept out of logs", () => {
    const env = Object.fromEntries(
      Object.entries(S3).map(([name, value]) => [`CONDUITLLM__MEDIA__S3__${name.toUpperCase()}`, value]),
    );
    const expected = { ...S3, endpoint: "https://s3.example.com", pathStyle: null };
    expect(settings(env).media.s3).toEqual(expected);
    expect(settings({}, { media: { s3: S3 } }).media.s3).toEqual(expected);
    expect(secretsOf(settings(env))).toEqual(["AKID", "s3-secret"]);
  });

  it.each(Object.keys(S3))("is refused without its %s", (name) => {
    const [problem, ...others] = problems({}, { media: { s3: { ...S3, [name]: null } } });
    expect(problem).toContain(`media.s3.${name} beside it, got none`);
    expect(others).toEqual([]);
  });

  it("is refused beside a folder, and its style alone", () => {
    expect(problems({ CONDUIT_MEDIA_DIR: "/srv/media" }, { media: { s3: S3 } })).toEqual([
      expect.stringMatching(/^CONDUIT_MEDIA_DIR: expected either this or media.s3.endpoint .*, got both$/),
    ]);
    expect(problems({}, { media: { s3: { pathStyle: true } } })).toEqual([
      expect.stringMatching(
        /^media.s3.pathStyle .*: expected media.s3.endpoint, .* beside it, got none of them$/,
      ),
    ]);
  });

  it("quotes no secret when a value is wrong", () => {
    const wrong = problems(
      {},
      { media: { s3: { ...S3, bucket: "no/bucket", secretAccessKey: "with space" } } },
    );
    expect(wrong.join()).toContain("media.s3.bucket");
    expect(wrong.join()).not.toContain("with space");
  });
});

describe("the sink of events", () => {
  const sink = (given: object) => ({ events: { sink: given } });
  const URL_ = "http://10.0.0.1:9000/in";

  it("may be any address, with headers that are secrets", () => {
    const headers = { Authorization: "Bearer 0123456789abcdef" };
    const config = loadConfig({ env: {}, file: JSON.stringify(sink({ url: URL_, headers })) });
    expect(config.settings.events.sink).toEqual({ url: URL_, headers, types: null, maxRows: 100_000 });
    expect(secretsOf(config.settings)).toContain(headers.Authorization);
  });

  it("takes types by their names, and says where they stand", () => {
    const env = {
      CONDUITLLM__EVENTS__SINK__URL: URL_,
      CONDUITLLM__EVENTS__SINK__TYPES: "ImageGenerationFailed",
    };
    expect(settings(env).events.sink.types).toEqual(["ImageGenerationFailed"]);
    expect(problems({ ...env, CONDUITLLM__EVENTS__SINK__TYPES: "ImageFailed" })).toEqual([
      expect.stringContaining("docs/events.md"),
    ]);
  });

  it("needs its address", () => {
    expect(problems({ CONDUITLLM__EVENTS__SINK__TYPES: "ImageGenerationFailed" })).toEqual([
      "CONDUITLLM__EVENTS__SINK__TYPES: expected events.sink.url beside it, got none",
    ]);
    expect(problems({}, JSON.stringify(sink({ headers: { "x-token": "secret-value" } })))).toEqual([
      "events.sink.headers.x-token (conduit.json): expected events.sink.url beside it, got none",
    ]);
  });

  it.each(["Content-Type", "host", "x y"])("is not sent a header %j of the operator", (name) => {
    const [problem = ""] = problems(
      {},
      JSON.stringify(sink({ url: URL_, headers: { [name]: "secret-value" } })),
    );
    expect(problem).toContain("expected the name of a header other than");
    expect(problem).not.toContain("secret-value");
  });

  it("is not sent a header with a line break in it, and no message tells its value", () => {
    const [problem = ""] = problems(
      {},
      JSON.stringify(sink({ url: URL_, headers: { "x-token": "secret\nx: y" } })),
    );
    expect(problem).toContain("expected a text of visible ASCII characters");
    expect(problem).not.toContain("x: y");
  });
});
