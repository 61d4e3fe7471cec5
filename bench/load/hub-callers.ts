/**
 * Clients of a hub that call a method, wait for its answer and call again: closed loops over raw sockets, for a fixed time.
 * Without a hub the same message is echoed by a bare server, and its echo is the answer.
 *
 * Hears `call` {port, path, headers, encoding, hub, connections, seconds, warmUpSeconds}; says `ready`, `called`.
 */

import type { Socket } from "bun";
import { hear, say } from "../harness/child.ts";
import type { HubEncoding } from "../harness/hub-payload.ts";
import { Histogram, round } from "../harness/statistics.ts";
import { OPCODE_BINARY, OPCODE_TEXT, openingRequest, readFrames } from "./frames.ts";
import { callHub, countAnswers, countPushes, shakeHands } from "./hub-wire.ts";

export type Calling = {
  port: number;
  path: string;
  headers: Record<string, string>;
  encoding: HubEncoding;
  /** False: whatever comes back is the answer. */
  hub: boolean;
  connections: number;
  seconds: number;
  warmUpSeconds: number;
};

export type Called = {
  answersPerSecond: number;
  latency: ReturnType<Histogram["summary"]>;
  /** 1 = this process used its whole core, so the rate is a lower bound for the server. */
  loadCpu: number;
};

type Caller = { upgraded: boolean; pending: Buffer | null; sentAt: number; failed: (why: Error) => void };

const MS_PER_SECOND = 1000;
const HEAD_END = "\r\n\r\n";
/** A method that answers at once: nothing follows this task, so nothing is to be ended. */
const METHOD = "UnsubscribeFromTask";
const UNKNOWN_TASK = "019aa7b5-9c00-7000-8000-00000000ffff";

hear(async (command) => {
  if (command.type === "call") say("called", await call(command as unknown as Calling));
});
say("ready");

async function call(calling: Calling): Promise<Called> {
  const { port, path, headers, encoding, hub, connections, seconds, warmUpSeconds } = calling;
  const question = callHub(encoding, METHOD, UNKNOWN_TASK);
  const answersIn = hub ? countAnswers : countPushes;
  const failure = Promise.withResolvers<never>();
  let histogram = new Histogram();
  let answers = 0;
  let ending = false;

  const ask = (socket: Socket<Caller>) => {
    socket.data.sentAt = performance.now();
    socket.write(question);
  };
  const data = (socket: Socket<Caller>, chunk: Buffer) => {
    const caller = socket.data;
    let bytes = caller.pending === null ? chunk : Buffer.concat([caller.pending, chunk]);
    caller.pending = null;
    if (!caller.upgraded) {
      const headEnd = bytes.indexOf(HEAD_END);
      if (headEnd < 0) {
        caller.pending = Buffer.from(bytes);
        return;
      }
      if (!bytes.toString("latin1").startsWith("HTTP/1.1 101"))
        return caller.failed(new Error(`expected HTTP/1.1 101, got: ${bytes.toString("latin1", 0, 400)}`));
      caller.upgraded = true;
      if (hub) socket.write(shakeHands(encoding));
      ask(socket);
      bytes = bytes.subarray(headEnd + HEAD_END.length);
    }
    const used = readFrames(bytes, (opcode, start, end) => {
      if (opcode !== OPCODE_TEXT && opcode !== OPCODE_BINARY) return;
      if (answersIn(encoding, bytes, start, end) === 0) return;
      answers += 1;
      histogram.record(performance.now() - caller.sentAt);
      ask(socket);
    });
    if (used < bytes.length) caller.pending = Buffer.from(bytes.subarray(used));
  };

  const sockets = await Promise.all(
    Array.from({ length: connections }, () =>
      Bun.connect<Caller>({
        hostname: "127.0.0.1",
        port,
        data: { upgraded: false, pending: null, sentAt: 0, failed: failure.reject },
        socket: {
          open: (socket) => void socket.write(openingRequest(port, path, headers)),
          data,
          close: () => {
            if (!ending) failure.reject(new Error("the server closed a caller's connection"));
          },
        },
      }),
    ),
  );
  await Promise.race([Bun.sleep(warmUpSeconds * MS_PER_SECOND), failure.promise]);
  histogram = new Histogram();
  answers = 0;
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await Promise.race([Bun.sleep(seconds * MS_PER_SECOND), failure.promise]);
  const elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  const called: Called = {
    answersPerSecond: Math.round((answers * MS_PER_SECOND) / elapsedMs),
    latency: histogram.summary(),
    loadCpu: round((user + system) / MS_PER_SECOND / elapsedMs, 2),
  };
  ending = true;
  for (const socket of sockets) socket.terminate();
  return called;
}
