/**
 * The bus port: short messages between the processes that share one store. Messages may be lost, as a doorbell's rings
 * may, so whoever acts on one also looks at the store from time to time.
 */

export interface InstanceBus {
  /** Whether messages of others arrive at this moment. */
  readonly connected: boolean;
  /** Sends to every other instance that subscribed. MUST NOT throw and MUST NOT be waited for; lost while there is no connection. */
  publish(topic: string, message: string): void;
  /**
   * Takes the messages of other instances from here on; one listener per topic. Resolves once none is missed any
   * more, or at once while there is no connection: then the gap is told when there is one again. MUST NOT reject.
   */
  subscribe(topic: string, listener: (message: string) => void): Promise<void>;
  unsubscribe(topic: string): void;
  /** Calls back each time the subscriptions are in force again after messages may have been lost. */
  onGap(listener: () => void): void;
}
