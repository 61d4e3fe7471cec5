import { expect, test } from "vitest";
import { principalOf } from "../../../../src/accounts/principal.ts";
import {
  carriesEvents,
  readShardCaller,
  writeShardRequest,
} from "../../../../src/hubs/sharding/shard-request.ts";
import { virtualKey } from "../../../fixture/virtual-key.ts";

const PRINCIPAL = principalOf(virtualKey({ id: "key_a", name: "Zoë – 木" }));
const URL_OF_HUB = "https://gateway.example/hubs/tasks?id=0.key_a.x&access_token=condt_secret&_=12";

test("the principal arrives whole, and of the client's request only what hubs read; no key is forwarded", async () => {
  const request = new Request(URL_OF_HUB, {
    method: "POST",
    headers: {
      authorization: "Bearer condt_secret",
      "x-api-key": "condt_secret",
      cookie: "a=condt_secret",
      origin: "https://page.example",
      "content-type": "text/plain",
    },
    body: "hello",
  });
  const call = writeShardRequest(request, { principal: PRINCIPAL, requestId: "r-1" });
  expect(readShardCaller(call)).toEqual({ principal: PRINCIPAL, requestId: "r-1" });
  expect([call.method, await call.text()]).toEqual(["POST", "hello"]);
  expect(call.headers.get("origin")).toBe("https://page.example");
  expect(new URL(call.url).searchParams.get("id")).toBe("0.key_a.x");
  expect(call.url + JSON.stringify([...call.headers])).not.toContain("condt_secret");
});

test("a client can forge neither its principal nor the kind of its transport", () => {
  const forged = writeShardRequest(
    new Request(URL_OF_HUB),
    { principal: PRINCIPAL, requestId: "r-1" },
    { carriesEvents: true },
  );
  const request = new Request(URL_OF_HUB, { headers: forged.headers });
  const call = writeShardRequest(request, { principal: null, requestId: "r-2" });
  expect(readShardCaller(call)).toEqual({ principal: null, requestId: "r-2" });
  expect([carriesEvents(forged), carriesEvents(call)]).toEqual([true, false]);
});
