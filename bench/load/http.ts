/**
 * HTTP/1.1 load: keep-alive connections, one request in flight on each, as many per second as the server answers.
 * Raw sockets and a prepared request, so that this process costs a fraction of what it measures; it reports its own CPU share.
 *
 * Hears `run` {seconds, warmUpSeconds, connections, port, request}, says `result`.
 */

import { hear, say } from "../harness/child.ts";
import { Histogram, round } from "../harness/statistics.ts";

export type HttpLoadRequest = { method: string; path: string; headers: Record<string, string>; body: string };
export type HttpLoadRun = {
  port: number;
  connections: number;
  warmUpSeconds: number;
  seconds: number;
  request: HttpLoadRequest;
  /** An answer of fewer bytes, its head included, is an error whatever its status says. Default 0. */
  leastBytes?: number;
};
export type HttpLoadResult = {
  perSecond: number;
  answers: number;
  /** Answers with a status other than 200, answers that are too short, and broken connections. */
  errors: number;
  firstError: string | null;
  latency: ReturnType<Histogram["summary"]>;
  /** 1 = this process used its whole core and may itself have been the limit. */
  loadCpu: number;
};

const HEAD_END = "\r\n\r\n";
/** The common end of every spelling of `Content-Length: `. */
const LENGTH_HEADER = "ength: ";
const STATUS_OFFSET = "HTTP/1.1 ".length;
const DIGIT_ZERO = 48;

/** What a chunked answer ends with; no JSON holds it. */
const LAST_CHUNK = "\r\n0\r\n\r\n";
const CHUNKED_HEADER = /\r\ntransfer-encoding: *chunked/i;

type Connection = {
  sentAt: number;
  /** The beginning of an answer whose head is incomplete, or the last bytes of one that says no length. */
  pending: Buffer | null;
  /** Bytes of the answer that came so far. */
  received: number;
  /** Of the whole answer; null before its head is read, infinite where it is chunked. */
  length: number | null;
  status: number;
};

hear(async (command) => {
  if (command.type === "run") say("result", await run(command as unknown as HttpLoadRun));
});
say("ready");

async function run(options: HttpLoadRun): Promise<HttpLoadResult> {
  const request = renderRequest(options.request, options.port);
  let histogram = new Histogram();
  let errors = 0;
  let firstError: string | null = null;
  let running = true;

  const fail = (reason: string) => {
    errors += 1;
    firstError ??= reason;
  };
  const sockets = await Promise.all(
    Array.from({ length: options.connections }, () =>
      Bun.connect<Connection>({
        hostname: "127.0.0.1",
        port: options.port,
        data: { sentAt: 0, pending: null, received: 0, length: null, status: 0 },
        socket: {
          data(socket, chunk) {
            const connection = socket.data;
            if (!takeAnswer(connection, chunk)) return;
            const now = performance.now();
            histogram.record(now - connection.sentAt);
            if (connection.status !== 200 || connection.received < (options.leastBytes ?? 0))
              fail(`${connection.received} bytes: ${chunk.toString("latin1").slice(0, 600)}`);
            if (!running) return;
            connection.received = 0;
            connection.length = null;
            connection.pending = null;
            connection.sentAt = now;
            socket.write(request);
          },
          close() {
            if (running) fail("the server closed a connection");
          },
          error(_socket, error) {
            fail(error.message);
          },
        },
      }),
    ),
  );
  for (const socket of sockets) {
    socket.data.sentAt = performance.now();
    socket.write(request);
  }
  await Bun.sleep(options.warmUpSeconds * 1000);
  histogram = new Histogram();
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  await Bun.sleep(options.seconds * 1000);
  const measured = histogram;
  const elapsedMs = performance.now() - startedAt;
  const cpu = process.cpuUsage(cpuBefore);
  running = false;
  for (const socket of sockets) socket.end();
  return {
    perSecond: Math.round(measured.total / (elapsedMs / 1000)),
    answers: measured.total,
    errors,
    firstError,
    latency: measured.summary(),
    loadCpu: round((cpu.user + cpu.system) / 1000 / elapsedMs, 2),
  };
}

function renderRequest({ method, path, headers, body }: HttpLoadRequest, port: number): Buffer {
  const bytes = Buffer.from(body);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${bytes.length}`,
    "",
    "",
  ];
  return Buffer.concat([Buffer.from(lines.join("\r\n")), bytes]);
}

/** Takes in what came; true when the answer is complete. A body is counted and not kept. */
function takeAnswer(connection: Connection, chunk: Buffer): boolean {
  const { pending } = connection;
  connection.received += chunk.length;
  if (connection.length === null) {
    const bytes = pending === null ? chunk : Buffer.concat([pending, chunk]);
    connection.length = answerLength(bytes);
    if (connection.length === null) {
      connection.pending = Buffer.from(bytes);
      return false;
    }
    connection.status = statusOf(bytes);
  }
  if (connection.length !== Number.POSITIVE_INFINITY) return connection.received >= connection.length;
  const last = chunk.subarray(-LAST_CHUNK.length);
  const end = last.length === LAST_CHUNK.length || pending === null ? last : Buffer.concat([pending, last]);
  connection.pending = Buffer.from(end.subarray(-LAST_CHUNK.length));
  return connection.pending.toString("latin1") === LAST_CHUNK;
}

/** How long the answer is with its head: null while that is incomplete, infinite where it comes in chunks. */
function answerLength(bytes: Buffer): number | null {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const name = bytes.indexOf(LENGTH_HEADER);
  if (name < 0 || name > headEnd) {
    const head = bytes.toString("latin1", 0, headEnd);
    return CHUNKED_HEADER.test(head) ? Number.POSITIVE_INFINITY : headEnd + HEAD_END.length;
  }
  let length = 0;
  for (let index = name + LENGTH_HEADER.length; ; index += 1) {
    const digit = (bytes[index] ?? 0) - DIGIT_ZERO;
    if (digit < 0 || digit > 9) return headEnd + HEAD_END.length + length;
    length = length * 10 + digit;
  }
}

function statusOf(bytes: Buffer): number {
  return Number(bytes.toString("latin1", STATUS_OFFSET, STATUS_OFFSET + 3));
}
