/** Settings of one provider that must fit together. */

import type { NameOf, Problem } from "./problem.ts";
import { PROVIDER_SETTINGS } from "./provider-schema.ts";
import type { Settings } from "./schema.ts";

type ProviderSettings = Settings["providers"][string];

/** The provider that is built in; nobody else may answer to its name. */
const BUILT_IN = "local";
/** A name is the part of a model's name before the slash. */
const PROVIDER_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export function checkProviders({ providers }: Pick<Settings, "providers">, nameOf: NameOf): Problem[] {
  return Object.entries(providers).flatMap(([name, provider]) => {
    const of: NameOf = (...path) => nameOf("providers", name, ...path);
    const known = Object.hasOwn(PROVIDER_SETTINGS.known, name);
    return [
      ...(known ? checkKnown(provider, of) : checkAdded(name, provider, of)),
      ...checkAccounts(provider, of),
    ];
  });
}

/** A provider with an adapter of its own has its own models. */
function checkKnown({ kind, models }: ProviderSettings, nameOf: NameOf): Problem[] {
  const expected = "no value for a provider that is known by name; give the added one another name";
  if (kind !== null) return [{ name: nameOf("kind"), expected, came: kind }];
  return models.length === 0 ? [] : [{ name: nameOf("models"), expected, came: "some models" }];
}

function checkAdded(name: string, { kind, baseUrl, models }: ProviderSettings, nameOf: NameOf): Problem[] {
  const problems: Problem[] = [];
  if (!PROVIDER_NAME.test(name) || name === BUILT_IN) {
    problems.push({
      name: nameOf(),
      expected: "a provider's name of a-z, 0-9, dots, dashes and underscores, other than local",
      came: JSON.stringify(name.slice(0, 80)),
    });
  }
  if (kind === null) {
    const names = Object.keys(PROVIDER_SETTINGS.known).join(", ");
    const expected = `openai-compatible, as the name is none of ${names}`;
    problems.push({ name: nameOf("kind"), expected, came: "none" });
  } else if (baseUrl === null) {
    problems.push({ name: nameOf("baseUrl"), expected: "an address for an added provider", came: "none" });
  }
  const seen = new Set<string>();
  for (const [index, model] of models.entries()) {
    const at: NameOf = (...path) => nameOf("models", String(index), ...path);
    if (model.name === null) {
      problems.push({ name: at("name"), expected: "the name of the model", came: "none" });
    } else if (seen.has(model.name)) {
      problems.push({
        name: at("name"),
        expected: "a name no other model has",
        came: JSON.stringify(model.name),
      });
    } else seen.add(model.name);
    if (model.free !== (model.pricePerImage === null)) {
      problems.push({
        name: at("pricePerImage"),
        expected: model.free ? "no price for a model that is free" : "a price, or free: true beside it",
        came: model.free ? String(model.pricePerImage) : "none",
      });
    }
  }
  return problems;
}

function checkAccounts({ credentials }: ProviderSettings, nameOf: NameOf): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const [index, { name, key }] of credentials.entries()) {
    const at: NameOf = (...path) => nameOf("credentials", String(index), ...path);
    if (key === null) problems.push({ name: at("key"), expected: "the account's key", came: "none" });
    const called = name ?? String(index + 1);
    if (seen.has(called)) {
      problems.push({
        name: at("name"),
        expected: "a name no other account has",
        came: JSON.stringify(called),
      });
    }
    seen.add(called);
  }
  return problems;
}
