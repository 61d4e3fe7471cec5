/** `useRun`: starts tasks and follows the last one. */

import { useCallback, useEffect, useRef, useState } from "react";
import type { WireAccepted } from "../../protocol/task.ts";
import type { ConduitClient } from "../conduit-client.ts";
import type { RunRequest } from "../run.ts";
import { useConduitClient } from "./conduit-context.ts";
import { type TaskState, useTask } from "./use-task.ts";

/** What begins a run: the gateway's answer to a create, or the part of it that a server hands to its page. */
export type RunStart = Pick<WireAccepted, "taskId" | "accessToken">;

export type UseRun<Request> = TaskState & {
  /** Starts a task and follows it in place of the one before. Stays the same between renders. */
  run(request: Request): Promise<string>;
  /** From the call of `run` until the task is over. */
  readonly isRunning: boolean;
};

/**
 * `start` makes the task: by asking your server, which answers the `taskId` and the task's own `accessToken`; without it, by the client of
 * the nearest `ConduitProvider`. `clientOf` makes the client that follows it; without it, that is the provider's, with the access token
 * for a key where there is one. Both may be written in place.
 */
export function useRun(): UseRun<RunRequest>;
export function useRun<Request>(
  start: (request: Request) => Promise<RunStart>,
  clientOf?: (started: RunStart) => ConduitClient,
): UseRun<Request>;
export function useRun<Request>(
  start?: (request: Request) => Promise<RunStart>,
  clientOf?: (started: RunStart) => ConduitClient,
): UseRun<Request> {
  const provided = useConduitClient();
  const [followed, setFollowed] = useState<{ taskId: string; client: ConduitClient } | null>(null);
  const [starting, setStarting] = useState(false);
  const [refused, setRefused] = useState<string | null>(null);
  const task = useTask(followed?.taskId ?? null, followed?.client ?? null);
  const latest = useRef({ start, clientOf, provided });
  useEffect(() => {
    latest.current = { start, clientOf, provided };
  });
  const runs = useRef(0);
  const run = useCallback(async (request: Request) => {
    runs.current += 1;
    const mine = runs.current;
    setStarting(true);
    setRefused(null);
    try {
      const asked = latest.current;
      const started = await (asked.start?.(request) ?? startWith(asked.provided, request as RunRequest));
      // A later run has taken its place.
      if (mine !== runs.current) return started.taskId;
      const { clientOf: make = (begun) => follower(asked.provided, begun) } = latest.current;
      setFollowed({ taskId: started.taskId, client: make(started) });
      setStarting(false);
      return started.taskId;
    } catch (error) {
      if (mine === runs.current) {
        setFollowed(null);
        setRefused((error as Error).message);
        setStarting(false);
      }
      throw error;
    }
  }, []);
  const following = followed !== null && !task.isOver && task.error === null;
  return { ...task, error: refused ?? task.error, run, isRunning: starting || following };
}

async function startWith(client: ConduitClient | null, request: RunRequest): Promise<RunStart> {
  const { type = "image", ...body } = request;
  const { images, videos } = requireProvided(client);
  return type === "video" ? videos.generateAsync(body) : images.generateAsync(body);
}

function follower(client: ConduitClient | null, { accessToken }: RunStart): ConduitClient {
  const provided = requireProvided(client);
  return accessToken === undefined ? provided : provided.withKey(accessToken);
}

function requireProvided(client: ConduitClient | null): ConduitClient {
  if (client === null)
    throw new TypeError("Expected a ConduitProvider around this component, or functions of your own.");
  return client;
}
