/** Messages between instances over a real Redis server. */

import { afterEach, beforeEach, expect, test } from "vitest";
import { RedisBus } from "../../src/runtime/bun/redis-bus.ts";
import { RedisRequester } from "../../src/runtime/bun/redis-requester.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { RedisServer } from "../fixture/redis-server.ts";

describeWithRedis("the bus over Redis", () => {
  let server: RedisServer;
  const closing: (() => void)[] = [];

  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) close();
    await server.stop();
  });

  function instance(node: string) {
    const { connection } = server;
    const requester = new RedisRequester(connection);
    const bus = new RedisBus({ connection, requester, node, prefix: "conduit-test:" });
    closing.push(() => {
      bus.close();
      requester.close();
    });
    return { bus, requester };
  }

  /** Messages as they come, to be waited for. */
  function inbox() {
    const messages: string[] = [];
    const waiting: { text: string; found: () => void }[] = [];
    return {
      messages,
      take: (message: string) => {
        messages.push(message);
        for (const { text, found } of waiting) if (text === message) found();
      },
      has: (text: string) =>
        messages.includes(text)
          ? Promise.resolve()
          : new Promise<void>((found) => {
              waiting.push({ text, found });
            }),
    };
  }

  /** Resolves once messages from one reach the other; `subscribe` says nothing while there is no connection yet. */
  async function connected(from: RedisBus, to: RedisBus) {
    const { take, has } = inbox();
    await to.subscribe("probe", take);
    const probing = setInterval(() => from.publish("probe", "probe"), 5);
    await has("probe");
    clearInterval(probing);
    to.unsubscribe("probe");
  }

  test("a channel that is left and entered again at once is heard, however often", async () => {
    const [one, other] = [instance("one"), instance("other")];
    await connected(one.bus, other.bus);
    const { take, has } = inbox();
    await other.bus.subscribe("room", take);
    for (let round = 0; round < 200; round++) {
      other.bus.unsubscribe("room");
      await other.bus.subscribe("room", take);
      one.bus.publish("room", `round ${round}`);
      await has(`round ${round}`);
    }
  });

  test("a message reaches the other instances' listeners in order, and not its sender", async () => {
    const [one, other] = [instance("one").bus, instance("other").bus];
    await connected(one, other);
    await connected(other, one);
    const [atOne, atOther] = [inbox(), inbox()];
    await one.subscribe("news", atOne.take);
    await other.subscribe("news", atOther.take);
    one.publish("news", "first ünïcødé 🎨");
    one.publish("news", "second");
    one.publish("elsewhere", "third");
    other.publish("news", "reply");
    await Promise.all([atOther.has("second"), atOne.has("reply")]);
    expect(atOther.messages).toEqual(["first ünïcødé 🎨", "second"]);
    expect(atOne.messages).toEqual(["reply"]);
  });

  test("nothing comes after unsubscribing, and again after subscribing anew", async () => {
    const [one, other] = [instance("one").bus, instance("other").bus];
    await connected(one, other);
    const news = inbox();
    const probe = inbox();
    await other.subscribe("probe", probe.take);
    await other.subscribe("news", news.take);
    other.unsubscribe("news");
    await other.subscribe("news", news.take);
    one.publish("news", "heard");
    await news.has("heard");
    other.unsubscribe("news");
    one.publish("news", "not heard");
    one.publish("probe", "after");
    await probe.has("after");
    expect(news.messages).toEqual(["heard"]);
  });

  test("a lost connection is opened again with its channels, and then the gap is told", async () => {
    const [one, other] = [instance("one").bus, instance("other").bus];
    await connected(one, other);
    const news = inbox();
    await other.subscribe("news", news.take);
    const gap = new Promise<void>((told) => other.onGap(told));
    await server.restart();
    await gap;
    await connected(one, other);
    one.publish("news", "afterwards");
    await news.has("afterwards");
  });

  test("a channel is left at any moment of a reconnection without a failure, and is not heard afterwards", async () => {
    const [one, other] = [instance("one").bus, instance("other").bus];
    await connected(one, other);
    const left = inbox();
    const kept = inbox();
    for (let number = 0; number < 50; number++) await other.subscribe(`left-${number}`, left.take);
    await other.subscribe("kept", kept.take);
    await server.restart();
    let number = 0;
    // One in each turn of the event loop, from before the connection is back until after it is.
    for (let turns = 0; number < 50; turns++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (other.connected || turns < 10) other.unsubscribe(`left-${number++}`);
    }
    await connected(one, other);
    for (let sent = 0; sent < 50; sent++) one.publish(`left-${sent}`, "not heard");
    one.publish("kept", "heard");
    await kept.has("heard");
    expect(left.messages).toEqual([]);
  });

  test("without a server publishing is lost and subscribing does not wait; the gap is told once there is one", async () => {
    await server.kill();
    const { bus } = instance("one");
    bus.publish("news", "lost");
    await bus.subscribe("news", () => {});
    const gap = new Promise<void>((told) => bus.onGap(told));
    await server.restart();
    await gap;
  });
});
