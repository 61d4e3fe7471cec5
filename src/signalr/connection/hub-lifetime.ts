/** Tells the hub of a connection's beginning and, when that succeeded, of its end. */

import type { Hub, HubConnection } from "../hub.ts";
import type { HubConnectionSettings } from "./hub-connection-options.ts";

export class HubLifetime<P> {
  readonly #hub: Hub<P>;
  readonly #connection: HubConnection<P>;
  readonly #settings: Pick<HubConnectionSettings, "report">;
  /** Whether `onConnected` succeeded. */
  #connected: Promise<boolean> = Promise.resolve(false);

  constructor(hub: Hub<P>, connection: HubConnection<P>, settings: Pick<HubConnectionSettings, "report">) {
    this.#hub = hub;
    this.#connection = connection;
    this.#settings = settings;
  }

  /** Calls `succeeded` or `failed`, at once where the hub does not answer with a promise. */
  begin(succeeded: () => void, failed: (error: unknown) => void): void {
    const refused = (error: unknown) => {
      this.#settings.report(error, "hub onConnected");
      failed(error);
      return false;
    };
    const accepted = () => {
      succeeded();
      return true;
    };
    try {
      const connecting = this.#hub.onConnected(this.#connection);
      if (connecting instanceof Promise) this.#connected = connecting.then(accepted, refused);
      else {
        this.#connected = Promise.resolve(true);
        succeeded();
      }
    } catch (error) {
      this.#connected = Promise.resolve(false);
      refused(error);
    }
  }

  /** The hub was told before the host's hibernation. */
  resume(): void {
    this.#connected = Promise.resolve(true);
  }

  /** `error` is the reason, null for an orderly end. */
  end(error: string | null): void {
    void this.#connected
      .then((connected) => (connected ? this.#hub.onDisconnected(this.#connection, error) : undefined))
      .catch((failure: unknown) => this.#settings.report(failure, "hub onDisconnected"));
  }
}
