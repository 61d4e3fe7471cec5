/** The promises of the HTTP API, the event streams and the hubs, kept by two processes that share a store. */

import { eventStreamContract } from "../contract/event-streams.ts";
import { httpApiContract } from "../contract/http-api.ts";
import { hubContract } from "../contract/hub.ts";
import { describeWithRedis } from "../fixture/describe-with-redis.ts";
import { openAlternatingApi, openRedis, openSplitWorld, openUpstash } from "../fixture/instances.ts";

describeWithRedis("two instances over Redis", () => {
  httpApiContract({
    name: "two instances over Redis, requests alternating",
    open: async () => openAlternatingApi(await openRedis({ appendOnly: true })),
  });
  eventStreamContract({
    name: "tasks of one instance followed at the other, over Redis",
    open: async () => openSplitWorld(await openRedis()),
  });
  hubContract({
    name: "tasks of one instance followed at the other, over Redis",
    open: async () => openSplitWorld(await openRedis()),
  });
});

/** No message connects the instances here: subscribers hear of the other one's tasks when rooms look at the store. */
const LOOK_OFTEN = { CONDUITLLM__EVENTS__POSITIONCHECKMS: "20", CONDUITLLM__ENGINE__SWEEPINTERVALMS: "100" };

describeWithRedis("two instances over Upstash's REST interface", () => {
  eventStreamContract({
    name: "tasks of one instance followed at the other, over REST",
    open: async () => openSplitWorld(await openUpstash(), LOOK_OFTEN),
  });

  httpApiContract({
    name: "two instances over REST, requests alternating",
    open: async () => openAlternatingApi(await openUpstash()),
  });
});
