import { describe, expect, it } from "vitest";
import { ApiError } from "../../../src/protocol/error.ts";
import type { ModelCapabilities } from "../../../src/protocol/model.ts";
import type { TaskType } from "../../../src/protocol/task.ts";
import { Catalogue, type ModelOffer, type ProviderOffer } from "../../../src/providers/catalogue.ts";
import type { MediaProvider } from "../../../src/tasks/ports/media-provider.ts";

function provider(name: string): MediaProvider {
  const unused = () => Promise.reject(new Error("not called here"));
  return { name, resubmitSafe: () => true, submit: unused, poll: unused, cancel: unused };
}

function capabilities(type: TaskType): ModelCapabilities {
  return {
    type,
    maxN: 10,
    sizes: { kind: "listed", sizes: ["1024x1024"] },
    qualities: [],
    styles: [],
    backgrounds: [],
    durations: null,
    fps: null,
    outputFormats: ["png"],
    seed: true,
    measuredProgress: true,
    providerOptions: [],
    furtherFields: [],
  };
}

function model(providerModel: string, type: TaskType, fields: Partial<ModelOffer> = {}): ModelOffer {
  return {
    providerModel,
    capabilities: capabilities(type),
    pricing: { kind: "free" },
    created: 1,
    ...fields,
  };
}

const LOCAL: ProviderOffer = { provider: provider("local"), models: [model("canvas", "image")] };
const LOCAL_FILMS: ProviderOffer = {
  provider: provider("local"),
  models: [model("canvas", "image"), model("motion", "video")],
};
const OPENAI: ProviderOffer = {
  provider: provider("openai"),
  models: [
    model("gpt-image-2", "image", {
      pricing: { kind: "per_image", micros: 40_000 },
      aliases: ["gpt-image-2"],
    }),
    model("gpt-image-2.6-flare", "image"),
    model("gpt-image-2.6-sunburst", "image"),
  ],
};
const REPLICATE: ProviderOffer = { provider: provider("replicate"), models: [model("flux", "image")] };

describe("example names beside the built-in models alone", () => {
  it("are listed for the log; none is once another provider is offered", () => {
    expect(new Catalogue({ offers: [LOCAL_FILMS] }).standIns()).toEqual(
      expect.arrayContaining(["dall-e-3", "minimax-video", "sora-2"]),
    );
    expect(new Catalogue({ offers: [LOCAL_FILMS, OPENAI] }).standIns()).toEqual([]);
  });
});

function refusal(catalogue: Catalogue, name: string, type: TaskType = "image"): ApiError {
  try {
    catalogue.resolve(name, type);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error(`${name} leads somewhere`);
}

describe("the catalogue", () => {
  it("knows a model by its full name and by the names its provider declares", () => {
    const catalogue = new Catalogue({ offers: [LOCAL, OPENAI] });
    expect(catalogue.resolve("local/canvas", "image")).toMatchObject({
      provider: "local",
      providerModel: "canvas",
    });
    expect(catalogue.resolve("gpt-image-2", "image").name).toBe("openai/gpt-image-2");
  });

  it("leads the field's example names to the built-in model while no other provider is offered", () => {
    const catalogue = new Catalogue({ offers: [LOCAL] });
    for (const name of ["dall-e-2", "dall-e-3", "gpt-image-1", "gpt-image-2"]) {
      expect(catalogue.resolve(name, "image").name).toBe("local/canvas");
    }
  });

  it("9.16: leads them to their successor once a provider has a key, and calls them retired where that is not offered", () => {
    expect(new Catalogue({ offers: [LOCAL, OPENAI] }).resolve("dall-e-3", "image").name).toBe(
      "openai/gpt-image-2.6-sunburst",
    );
    const error = refusal(new Catalogue({ offers: [LOCAL, REPLICATE] }), "dall-e-3");
    expect(error).toMatchObject({ code: "model_retired", param: "model", status: 404 });
    expect(error.message).toContain("openai/gpt-image-2.6-sunburst");
  });

  it("does not advertise films before a model makes them, and leads their example names to it then", () => {
    const without = new Catalogue({ offers: [LOCAL] });
    expect(refusal(without, "minimax-video", "video")).toMatchObject({
      code: "model_not_found",
      param: "model",
    });
    expect(refusal(without, "sora-2", "video").message).toContain("No model that makes videos is offered");
    expect(without.list().filter(({ capabilities }) => capabilities.type === "video")).toEqual([]);
    expect(new Catalogue({ offers: [LOCAL_FILMS] }).resolve("minimax-video", "video").name).toBe(
      "local/motion",
    );
  });

  it("says what a model makes when it is asked for something else", () => {
    const catalogue = new Catalogue({ offers: [LOCAL_FILMS] });
    for (const name of ["local/motion", "sora-2"]) {
      expect(refusal(catalogue, name, "image").message).toContain("makes videos, not images");
    }
    expect(refusal(new Catalogue({ offers: [LOCAL] }), "sora-2").message).toContain(
      "makes videos, not images",
    );
    expect(refusal(catalogue, "gpt-4o-realtime-preview").message).toContain("makes speech");
  });

  it.each(["", "canvas", "LOCAL/CANVAS", "local/canvas ", "__proto__", "constructor", "x".repeat(10_000)])(
    "finds nothing under %j",
    (name) => {
      const error = refusal(new Catalogue({ offers: [LOCAL] }), name);
      expect(error.code).toBe("model_not_found");
      expect(error.message).toContain("local/canvas");
      expect(error.message.length).toBeLessThan(400);
    },
  );

  it("follows the operator's aliases, through each other and before the built-in ones", () => {
    const catalogue = new Catalogue({
      offers: [LOCAL, OPENAI],
      aliases: { quick: "fast", fast: "local/canvas", "dall-e-3": "local/canvas", good: "dall-e-2" },
    });
    expect(catalogue.resolve("quick", "image").name).toBe("local/canvas");
    expect(catalogue.resolve("dall-e-3", "image").name).toBe("local/canvas");
    expect(catalogue.resolve("good", "image").name).toBe("openai/gpt-image-2.6-flare");
    expect(catalogue.warnings).toEqual([]);
  });

  it("warns of an alias that leads nowhere, in a circle, or over a model, and offers none of them", () => {
    const catalogue = new Catalogue({
      offers: [LOCAL, OPENAI],
      aliases: {
        a: "b",
        b: "a",
        self: "self",
        gone: "openai/gpt-5",
        "local/canvas": "openai/gpt-image-2",
        "dall-e-2": "gone",
      },
    });
    expect(catalogue.warnings).toHaveLength(6);
    for (const name of ["a", "b", "self", "gone", "dall-e-2"])
      expect(refusal(catalogue, name).code).toBe("model_not_found");
    expect(catalogue.resolve("local/canvas", "image").name).toBe("local/canvas");
  });

  it("lists every name that works, says what an alias leads to, and nothing that does not work", () => {
    const catalogue = new Catalogue({
      offers: [LOCAL, OPENAI],
      aliases: { house: "local/canvas", gone: "x" },
    });
    const list = catalogue.list();
    expect(list.map(({ id, aliasOf }) => [id, aliasOf])).toEqual([
      ["local/canvas", null],
      ["openai/gpt-image-2", null],
      ["openai/gpt-image-2.6-flare", null],
      ["openai/gpt-image-2.6-sunburst", null],
      ["chatgpt-image-latest", "openai/gpt-image-2.6-sunburst"],
      ["dall-e-2", "openai/gpt-image-2.6-flare"],
      ["dall-e-3", "openai/gpt-image-2.6-sunburst"],
      ["gpt-image-1", "openai/gpt-image-2.6-sunburst"],
      ["gpt-image-1-mini", "openai/gpt-image-2.6-flare"],
      ["gpt-image-1.5", "openai/gpt-image-2.6-sunburst"],
      ["gpt-image-2", "openai/gpt-image-2"],
      ["house", "local/canvas"],
    ]);
    for (const { id, capabilities } of list) expect(catalogue.resolve(id, capabilities.type)).toBeDefined();
    expect(list[0]).toMatchObject({
      object: "model",
      owned_by: "local",
      provider: "local",
      pricing: { free: true },
    });
    expect(list[1]).toMatchObject({ pricing: { free: false, unit: "image", usd: 0.04 } });
  });

  describe("prices", () => {
    const dollars = { kind: "per_image", micros: 40_000 } as const;
    const film = { kind: "per_second", micros: 100_000, longestSeconds: 10 } as const;
    const unpriced = (name: string, type: TaskType = "image"): ModelOffer => {
      const { pricing: _, ...offer } = model(name, type);
      return offer;
    };
    const offer: ProviderOffer = { provider: provider("x"), models: [unpriced("m"), unpriced("v", "video")] };

    it("come from the table where the provider names none, and from the operator before both", () => {
      const openai: ProviderOffer = { provider: provider("openai"), models: [unpriced("gpt-image-2")] };
      const listed = new Catalogue({ offers: [openai] }).resolve("openai/gpt-image-2", "image");
      expect(listed).toMatchObject({ pricing: { kind: "per_token" }, ownPrice: false });
      const prices = {
        "openai/gpt-image-2": dollars,
        "local/canvas": dollars,
        "x/m": { kind: "free" } as const,
      };
      const catalogue = new Catalogue({ offers: [openai, LOCAL, offer], prices });
      expect(catalogue.resolve("openai/gpt-image-2", "image")).toMatchObject({
        pricing: dollars,
        ownPrice: true,
      });
      expect(catalogue.resolve("local/canvas", "image").pricing).toEqual(dollars);
      expect(catalogue.resolve("x/m", "image").pricing).toEqual({ kind: "free" });
    });

    it("are needed: a model without one is not offered, and the operator is told how to price it", () => {
      const catalogue = new Catalogue({ offers: [LOCAL, offer] });
      expect(catalogue.list().map(({ id }) => id)).not.toContain("x/m");
      expect(refusal(catalogue, "x/m").message).toContain("prices.x/m");
      expect(refusal(catalogue, "x/m").code).toBe("model_not_found");
      const [image, video] = catalogue.warnings;
      expect(image).toContain('{"prices":{"x/m":{"unit":"image","usd":0.04}}}');
      expect(video).toContain('{"x/v":{"unit":"second","usd":0.1,"longestSeconds":10}}');
      expect(image).toContain('{"free":true}');
    });

    it("stand with what is not offered without them, beside example names whose successor is not", () => {
      const names = new Catalogue({ offers: [LOCAL, offer] }).notOffered();
      expect(names.find(({ id }) => id === "x/m")?.reason).toMatch(/^its price is not known\. .*"x\/m"/);
      expect(names.find(({ id }) => id === "dall-e-3")?.reason).toContain("openai/gpt-image-2.6-sunburst");
      const priced = new Catalogue({ offers: [LOCAL, OPENAI] }).notOffered();
      expect(priced.map(({ id }) => id)).not.toContain("dall-e-3");
    });

    it("for another kind of work price nothing", () => {
      const catalogue = new Catalogue({ offers: [offer], prices: { "x/m": film, "x/v": dollars } });
      expect(catalogue.list()).toEqual([]);
      expect(catalogue.warnings).toHaveLength(2);
      expect(catalogue.warnings[0]).toContain("not one for images");
    });

    it("of models that are not offered are a warning", () => {
      const { warnings } = new Catalogue({ offers: [LOCAL], prices: { "dall-e-3": dollars } });
      expect(warnings).toEqual([expect.stringContaining('"dall-e-3" is no model')]);
    });
  });

  it("refuses to be made of two providers or models with one name", () => {
    expect(() => new Catalogue({ offers: [LOCAL, LOCAL] })).toThrow("same name");
    const twice = { provider: provider("x"), models: [model("m", "image"), model("m", "image")] };
    expect(() => new Catalogue({ offers: [twice] })).toThrow("x/m");
  });

  it("hands the engine its providers by name", () => {
    expect([...new Catalogue({ offers: [LOCAL, OPENAI] }).providers.keys()]).toEqual(["local", "openai"]);
  });
});
