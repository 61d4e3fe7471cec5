import { describe, expect, it } from "vitest";
import { parseRedisConnection } from "../../../src/config/redis-connection.ts";

const PLAIN = { host: "localhost", port: 6379, username: null, password: null, database: 0, tls: false };

describe("parseRedisConnection", () => {
  it.each([
    ["localhost:6379", PLAIN],
    ["localhost", PLAIN],
    ["[::1]:7000", { ...PLAIN, host: "::1", port: 7000 }],
    [
      "cache.example:6380,password=p,ssl=true",
      { ...PLAIN, host: "cache.example", port: 6380, password: "p", tls: true },
    ],
    [
      "localhost:6379,password=a=b==,user=u,defaultDatabase=3",
      { ...PLAIN, username: "u", password: "a=b==", database: 3 },
    ],
    ["localhost:6379, abortConnect=false, connectTimeout=5000", PLAIN],
    ["redis://localhost", PLAIN],
    ["redis://localhost:6379/2", { ...PLAIN, database: 2 }],
    [
      "rediss://user:p%40ss@cache.example:6380",
      { ...PLAIN, host: "cache.example", port: 6380, username: "user", password: "p@ss", tls: true },
    ],
    ["redis://:secret@[::1]:6379/0", { ...PLAIN, host: "::1", password: "secret" }],
  ])("reads %s", (text, connection) => {
    expect(parseRedisConnection(text)).toEqual(connection);
  });

  it.each([
    "",
    "localhost:99999",
    "localhost:0",
    "one:6379,two:6379",
    "localhost:6379,ssl=maybe",
    "localhost:6379,pasword=x",
    "http://localhost:6379",
    "redis://",
    "redis://one,two:6379",
    "redis://localhost:0",
    "redis://localhost/x",
    "redis://localhost:6379?db=1",
    "redis://:%zz@localhost",
    "local host:6379",
  ])("refuses %j", (text) => {
    expect(parseRedisConnection(text)).toBeNull();
  });
});
