/** Publishes committed transitions to the rooms with subscribers, each a Durable Object. */

import { waitUntil } from "cloudflare:workers";
import { taskRoomName, tenantRoomName } from "../../../rooms/room-name.ts";
import { describeError, type Log } from "../../../tasks/ports/log.ts";
import type { Publisher } from "../../../tasks/ports/publisher.ts";
import type { TaskUpdate } from "../../../tasks/task.ts";
import type { Bindings } from "../bindings.ts";

export class DurablePublisher implements Publisher {
  readonly #rooms: Bindings["TASK_ROOM"];
  readonly #log: Log;

  constructor({ TASK_ROOM }: Pick<Bindings, "TASK_ROOM">, log: Log) {
    this.#rooms = TASK_ROOM;
    this.#log = log;
  }

  publish(update: TaskUpdate): void {
    const { task, followed } = update;
    const { keyId, subject } = task.tenant;
    if (followed.task) this.#tell(taskRoomName(keyId, task.id), update);
    if (followed.key) this.#tell(tenantRoomName({ keyId, subject: null }), update);
    if (followed.subject) this.#tell(tenantRoomName({ keyId, subject }), update);
  }

  #tell(room: string, update: TaskUpdate): void {
    const told = this.#rooms.getByName(room).publish(update);
    // A room that missed it finds it at its next comparison with the store, within 20 s.
    waitUntil(
      told.catch((error: unknown) => {
        this.#log.warn("a room could not be told", { room, cause: describeError(error) });
      }),
    );
  }
}
