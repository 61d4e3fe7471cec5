/** Names of rooms: keys of the map in a process, and names of Durable Objects. */

import type { TenantScope } from "../tasks/task.ts";

/** Whose log a room replicates. */
export type RoomSubject =
  | { readonly kind: "task"; readonly keyId: string; readonly taskId: string }
  | { readonly kind: "tenant"; readonly keyId: string; readonly subject: string | null };

const NAME = /^(task|tenant)\/([^/]+)(?:\/(.+))?$/s;

/**
 * The key is part of the name: no subscription is ever registered in the room of another key's task, not even while it
 * opens.
 */
export function taskRoomName(keyId: string, taskId: string): string {
  return `task/${keyId}/${taskId}`;
}

/** The room of a key's whole stream, or of one subject's (`null` is the key itself). */
export function tenantRoomName({ keyId, subject }: Pick<TenantScope, "keyId" | "subject">): string {
  return subject === null ? `tenant/${keyId}` : `tenant/${keyId}/${subject}`;
}

/** The inverse of the two above. Throws `TypeError` for what is no name of a room. */
export function parseRoomName(name: string): RoomSubject {
  const [, kind, keyId, rest] = NAME.exec(name) ?? [];
  if (keyId !== undefined && kind === "tenant") return { kind, keyId, subject: rest ?? null };
  if (keyId !== undefined && kind === "task" && rest !== undefined) return { kind, keyId, taskId: rest };
  throw new TypeError(
    `expected the name of a room, such as "task/<key>/<task>" or "tenant/<key>"; got ${name}`,
  );
}
