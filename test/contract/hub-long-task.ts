/**
 * A task that takes longer than either side waits for the other's silence, kept by whatever host runs the hubs: with
 * progress all the time, beside idle connections of the same key, and with its client reading and pinging as
 * Microsoft's does.
 */

import type { HubConnection } from "@microsoft/signalr";
import { describe, expect, test } from "vitest";
import { buildClient, Calls, WIRES } from "../fixture/signalr-client.ts";
import type { HubWorld } from "./hub.ts";

export type LongTaskTimes = {
  /** Of the server and of the clients. */
  keepAliveSeconds: number;
  /** After which either side gives the other up. */
  timeoutSeconds: number;
  taskSeconds: number;
};

/** The defaults, and a task of 100 s. */
export const REAL_TIMES: LongTaskTimes = { keepAliveSeconds: 15, timeoutSeconds: 30, taskSeconds: 100 };
/** A fifteenth of them; what a host does of its own accord at fixed times is not scaled. */
export const SHORT_TIMES: LongTaskTimes = { keepAliveSeconds: 1, timeoutSeconds: 2, taskSeconds: 7 };

/** The settings of a server that keeps these times. */
export function timesEnv({ keepAliveSeconds, timeoutSeconds }: LongTaskTimes): Record<string, string> {
  return {
    CONDUITLLM__HUBS__KEEPALIVESECONDS: String(keepAliveSeconds),
    CONDUITLLM__HUBS__CLIENTTIMEOUTSECONDS: String(timeoutSeconds),
  };
}

/** Progress may be superseded before it is sent; what is seen must still have kept coming. */
const SEEN_STEPS = 10;

export type LongTaskHost = {
  name: string;
  times: LongTaskTimes;
  open(env: Record<string, string>): Promise<HubWorld>;
};

export function hubLongTaskContract({ name, times, open }: LongTaskHost): void {
  const { keepAliveSeconds, timeoutSeconds, taskSeconds } = times;

  describe(`a task of ${taskSeconds} s on the hubs, ${name}`, () => {
    test(
      "is followed to its end over every transport and protocol, and nobody is disconnected",
      async () => {
        const world = await open(timesEnv(times));
        const lost: string[] = [];
        const clients: HubConnection[] = [];
        const connect = async (who: string, wire: (typeof WIRES)[number]) => {
          const connection = buildClient(`${world.url}/hubs/image-generation`, {
            key: world.key,
            wire,
            setUp: (builder) =>
              builder.withKeepAliveInterval(keepAliveSeconds * 1000).withServerTimeout(timeoutSeconds * 1000),
          });
          clients.push(connection);
          connection.onclose((error) => lost.push(`${who} ${wire.join(" ")}: ${error}`));
          await connection.start();
          return connection;
        };
        try {
          const id = await world.submit("image");
          const followers = await Promise.all(
            WIRES.map(async (wire) => {
              const connection = await connect("follower", wire);
              const calls = new Calls(connection, "TaskProgress", "TaskCompleted");
              await connection.invoke("SubscribeToTask", id);
              return { wire, calls };
            }),
          );
          for (const wire of WIRES) await connect("idle", wire);
          const steps = 50;
          for (let step = 1; step <= steps; step += 1) {
            await Bun.sleep((taskSeconds * 1000) / steps);
            await world.progress(id, step);
          }
          await world.complete(id);
          for (const { calls } of followers) expect((await calls.next("TaskCompleted"))[0]).toBe(id);
          expect(lost).toEqual([]);
          for (const { calls } of followers) expect(calls.all.length).toBeGreaterThan(SEEN_STEPS);
        } finally {
          await Promise.all(clients.map((connection) => connection.stop()));
          await world.close();
        }
      },
      (taskSeconds + 60) * 1000,
    );
  });
}
