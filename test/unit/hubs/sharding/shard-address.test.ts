import { expect, test } from "vitest";
import {
  makeHubToken,
  parseHubToken,
  parseShardName,
  shardName,
} from "../../../../src/hubs/sharding/shard-address.ts";

const ADDRESS = { keyId: "key_a", shard: 7 };

test("a shard's name and back", () => {
  expect(shardName(ADDRESS)).toBe("key_a/7");
  expect(parseShardName("key_a/7")).toEqual(ADDRESS);
  for (const name of [undefined, "", "key_a", "/7", "key_a/", "a/b/c"])
    expect(() => parseShardName(name)).toThrow(TypeError);
});

test("a token leads to its shard, is safe in a URL as it is, and unlike any other", () => {
  const [one, other] = [makeHubToken(ADDRESS), makeHubToken(ADDRESS)];
  expect(parseHubToken(one)).toEqual(ADDRESS);
  expect(encodeURIComponent(one)).toBe(one);
  expect(one).not.toBe(other);
});

test("what is no token of ours leads nowhere", () => {
  const secret = "x".repeat(22);
  for (const token of [
    "",
    secret,
    `256.key_a.${secret}`,
    `-1.key_a.${secret}`,
    `1..${secret}`,
    `1.a/b.${secret}`,
  ])
    expect(parseHubToken(token)).toBeNull();
  expect(parseHubToken(`255.key_a.${secret}`)).not.toBeNull();
});
