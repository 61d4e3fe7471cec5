/** From a model's parameter schema to a form, from the form to a request, and from the request to programs. */

import { describe, expect, it } from "vitest";
import { codeSample } from "../../../src/console/playground/code-samples.ts";
import { parametersOf, sharedParameters } from "../../../src/console/playground/parameters.ts";
import {
  type Entered,
  enteredOf,
  type Request,
  runRequestOf,
} from "../../../src/console/playground/request-body.ts";
import { creationParameters } from "../../../src/http/creation/creation-parameters.ts";
import type { ModelCapabilities, WireModel } from "../../../src/protocol/model.ts";

const LIMITS = {
  promptCharacters: 32_000,
  imagesPerTask: 10,
  metadataPairs: 16,
  metadataKeyCharacters: 64,
  metadataValueCharacters: 512,
  providerOptionsBytes: 16_384,
  inputBytes: 20_000_000,
};
const PLAIN: ModelCapabilities = {
  type: "image",
  maxN: 4,
  sizes: { kind: "listed", sizes: ["512x512", "1024x1024"] },
  durations: null,
  fps: null,
  qualities: ["low", "high"],
  styles: [],
  backgrounds: [],
  outputFormats: ["png"],
  seed: true,
  measuredProgress: false,
  providerOptions: [],
  furtherFields: [],
};

/** A model as `GET /v1/models` answers it. */
function modelOf(id: string, capabilities: Partial<ModelCapabilities> = {}): WireModel {
  const listed = { id, capabilities: { ...PLAIN, ...capabilities } };
  const described = { object: "model", created: 0, owned_by: "x", provider: "x", aliasOf: null } as const;
  const model = { ...described, ...listed, pricing: { free: true } as const };
  return { ...model, parameters: creationParameters(LIMITS)(model) };
}

function entered(values: Record<string, string>, pictures: Entered["pictures"] = {}): Entered {
  return { prompt: "a fox", values, pictures };
}

describe("the form of a model", () => {
  it("has a control for each field that the model takes, with its choices and bounds", () => {
    const found = new Map(parametersOf(modelOf("x/plain")).map((parameter) => [parameter.name, parameter]));
    expect(found.get("size")?.control).toEqual({ kind: "choice", choices: ["auto", "512x512", "1024x1024"] });
    expect(found.get("n")).toMatchObject({
      control: { kind: "number", whole: true, least: 1, most: 4 },
      hint: "1 to 4",
      default: "1",
    });
    expect(found.get("quality")?.control).toEqual({ kind: "choice", choices: ["low", "high"] });
    expect(found.get("metadata")).toMatchObject({ control: { kind: "object" }, advanced: true });
    for (const name of ["style", "duration", "image", "prompt", "model", "stream", "access_token"])
      expect(found.has(name)).toBe(false);
  });

  it("has fields that only the provider knows, and pictures up to as many as the model works from", () => {
    const model = modelOf("x/edit", { inputs: { images: 3, mask: true }, furtherFields: ["guidance"] });
    const controls = Object.fromEntries(parametersOf(model).map(({ name, control }) => [name, control]));
    expect(controls).toMatchObject({
      image: { kind: "pictures", most: 3 },
      mask: { kind: "pictures", most: 1 },
      guidance: { kind: "any" },
    });
    expect(controls).not.toHaveProperty("images");
  });

  it("of several models has what any of them takes, once", () => {
    const models = [modelOf("x/plain"), modelOf("x/styled", { styles: ["vivid"], qualities: [] })];
    const names = sharedParameters(models).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["quality", "style"]));
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("a request", () => {
  it("has of what was entered that which its model takes, in the types it takes", () => {
    const values = {
      size: "512x512",
      n: "2",
      seed: "7",
      style: "vivid",
      quality: "",
      metadata: '{"order":"42"}',
    };
    const { request, problems } = runRequestOf(modelOf("x/plain"), entered(values));
    expect(problems).toEqual({});
    expect(request).toEqual({
      type: "image",
      body: { model: "x/plain", prompt: "a fox", size: "512x512", n: 2, seed: 7, metadata: { order: "42" } },
    });
  });

  it("has listed numbers as numbers, and the provider's own fields as JSON where they are some", () => {
    const film = modelOf("x/film", {
      type: "video",
      durations: { kind: "listed", values: [5, 10], default: 5 },
      furtherFields: ["guidance", "tone"],
    });
    const { request } = runRequestOf(film, entered({ duration: "10", guidance: "3.5", tone: "warm" }));
    expect(request.body).toMatchObject({ duration: 10, guidance: 3.5, tone: "warm" });
  });

  it("says at the field what cannot be sent", () => {
    const values = { n: "two", seed: "1.5", metadata: "[1]", quality: "best" };
    const { problems } = runRequestOf(modelOf("x/plain"), entered(values));
    expect(problems).toEqual({
      n: "Enter a whole number.",
      seed: "Enter a whole number.",
      metadata: 'Enter a JSON object, such as {"steps": 5}.',
      quality: "This model does not take this value.",
    });
  });

  it("has no more pictures than its model works from, one of them alone as such", () => {
    const pictures = { image: ["https://a.test/1.png", "https://a.test/2.png"] };
    const two = modelOf("x/two", { inputs: { images: 2, mask: false } });
    const one = modelOf("x/one", { inputs: { images: 1, mask: false } });
    expect(runRequestOf(two, entered({}, pictures)).request.body.image).toEqual(pictures.image);
    expect(runRequestOf(one, entered({}, pictures)).request.body.image).toBe("https://a.test/1.png");
    expect(runRequestOf(modelOf("x/plain"), entered({}, pictures)).request.body).not.toHaveProperty("image");
  });

  it("of an earlier task is entered again as it was", () => {
    const request = {
      model: "x/edit",
      prompt: "a fox",
      n: 2,
      size: "512x512",
      image: ["/v1/media/a.png"],
      metadata: { order: "42" },
    };
    const model = modelOf("x/edit", { inputs: { images: 2, mask: false } });
    const again = runRequestOf(model, enteredOf(request)).request.body;
    expect(again).toEqual({ ...request, image: "/v1/media/a.png" });
  });
});

describe("what ran, as a program", () => {
  const BASE = "https://media.test";
  const file = new File(["x"], "it's a fox.png", { type: "image/png" });
  const edit: Request = {
    type: "image",
    body: {
      model: "x/edit",
      prompt: 'say "hi"\n$HOME `ls` it\'s',
      image: [file, "https://a.test/b.png"],
      n: 2,
    },
  };

  /** The arguments that a shell makes of a program that is one call of `curl`. */
  async function argumentsOf(program: string): Promise<string[]> {
    const shell = Bun.spawn(["sh", "-c", `curl() { printf '%s\\0' "$@"; }\n${program}`], {
      env: { CONDUIT_KEY: "condt_x" },
      stdout: "pipe",
    });
    return (await new Response(shell.stdout).text()).split("\0").slice(0, -1);
  }

  it("sends JSON by curl, whatever the prompt holds for a shell", async () => {
    const body = { model: "x/plain", prompt: "it's $HOME `ls` \"\\\n" };
    const sent = await argumentsOf(codeSample("curl", { type: "video", body }, BASE));
    expect(sent).toContain(`${BASE}/v1/videos/generations/async`);
    expect(sent).toContain("authorization: Bearer condt_x");
    expect(JSON.parse(sent.at(-1) ?? "")).toEqual(body);
  });

  it("sends files by curl as a form", async () => {
    const sent = await argumentsOf(codeSample("curl", edit, BASE));
    const fields = sent.flatMap((text, index) =>
      /^-/.test(sent[index - 1] ?? "") ? [[sent[index - 1], text]] : [],
    );
    expect(fields.filter(([option]) => option === "-F" || option === "--form-string")).toEqual([
      ["--form-string", "model=x/edit"],
      ["--form-string", `prompt=${edit.body.prompt}`],
      ["-F", "image=@it's a fox.png"],
      ["--form-string", "image=https://a.test/b.png"],
      ["--form-string", "n=2"],
    ]);
  });

  it("is TypeScript that gives the client the same fields", () => {
    const code = codeSample(
      "TypeScript",
      { type: "video", body: { model: "x/film", prompt: 'a "fox"', "odd-name": 1 } },
      BASE,
    );
    const [, literal = ""] = /conduit\.run\((\{[\s\S]*\})\)/.exec(code) ?? [];
    expect(new Function(`return (${literal})`)()).toEqual({
      type: "video",
      model: "x/film",
      prompt: 'a "fox"',
      "odd-name": 1,
    });
    expect(codeSample("TypeScript", edit, BASE)).toContain('await openAsBlob("it\'s a fox.png")');
    expect(() => new Bun.Transpiler({ loader: "ts" }).transformSync(code)).not.toThrow();
  });

  it("is Python with Python's own words", () => {
    const body = {
      model: "x/plain",
      prompt: "a fox",
      provider_options: { safe: true, extra: null, steps: [1, 2] },
    };
    const code = codeSample("Python", { type: "image", body }, BASE);
    expect(code).toContain('"safe": True');
    expect(code).toContain('"extra": None');
    expect(code).toContain('"steps": [1, 2]');
    expect(codeSample("Python", edit, BASE)).toContain('files=[("image", open("it\'s a fox.png", "rb"))]');
  });
});
