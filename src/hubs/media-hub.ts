/**
 * The hub of pictures and the hub of videos. Both serve both pairs of methods for any task of the tenant: published
 * clients hold one connection and subscribe to everything on it. Pushes have exactly two arguments.
 */

import type { Principal } from "../accounts/principal.ts";
import { createHub, type Hub, method } from "../signalr/hub.ts";
import { taskIdArgument } from "./argument-binders.ts";
import type { Vocabulary } from "./push-encodings.ts";
import type { Subscriptions } from "./subscriptions.ts";

export function createMediaHub(subscriptions: Subscriptions): Hub<Principal> {
  const subscribe = (vocabulary: Vocabulary) =>
    method<Principal, [typeof taskIdArgument]>({
      args: [taskIdArgument],
      run: (call, id) => subscriptions.subscribe(call, id, vocabulary),
    });
  const unsubscribe = method<Principal, [typeof taskIdArgument]>({
    args: [taskIdArgument],
    run: (call, id) => subscriptions.unsubscribe(call.connection, id),
  });
  return createHub<Principal>({
    methods: {
      SubscribeToTask: subscribe("task"),
      UnsubscribeFromTask: unsubscribe,
      SubscribeToRequest: subscribe("request"),
      UnsubscribeFromRequest: unsubscribe,
    },
    onDisconnected: (connection) => subscriptions.disconnected(connection),
  });
}
