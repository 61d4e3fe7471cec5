/** The hub shards as the Worker reaches them: each is a Durable Object, found by its name anew for each request. */

import type { HubShards } from "../../../http/routes/hubs/hub-proxy.ts";
import type { KeyEnd } from "../../../protocol/close-codes.ts";
import type { Bindings } from "../bindings.ts";
import { socketOf } from "../socket-answer.ts";
import { HubEventRelay, type HubEventRelayOptions } from "./hub-event-relay.ts";

export class RemoteHubShards implements HubShards {
  readonly #shards: Bindings["HUB_SHARD"];
  readonly #relaying: HubEventRelayOptions;

  constructor({ HUB_SHARD }: Pick<Bindings, "HUB_SHARD">, relaying: HubEventRelayOptions) {
    this.#shards = HUB_SHARD;
    this.#relaying = relaying;
  }

  async ask(shard: string, request: Request): Promise<Response> {
    // The platform's own types of requests and responses are not the web's, and the same.
    return (await this.#shards.getByName(shard).fetch(request as never)) as unknown as Response;
  }

  printEvents(answer: Response): HubEventRelay | null {
    const socket = socketOf(answer);
    return socket === null ? null : new HubEventRelay(socket, this.#relaying);
  }

  closeKey(shard: string, why: KeyEnd): Promise<void> {
    return this.#shards.getByName(shard).closeKey(why);
  }
}
