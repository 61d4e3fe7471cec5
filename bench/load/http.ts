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
};
export type HttpLoadResult = {
  perSecond: number;
  answers: number;
  /** Answers with a status other than 200, and broken connections. */
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

type Connection = { sentAt: number; pending: Buffer | null };

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
        data: { sentAt: 0, pending: null },
        socket: {
          data(socket, chunk) {
            const connection = socket.data;
            const bytes = connection.pending === null ? chunk : Buffer.concat([connection.pending, chunk]);
            const end = answerEnd(bytes);
            if (end === null || bytes.length < end) {
              connection.pending = Buffer.from(bytes);
              return;
            }
            connection.pending = null;
            const now = performance.now();
            histogram.record(now - connection.sentAt);
            if (statusOf(bytes) !== 200) fail(bytes.toString("latin1").slice(0, 600));
            if (!running) return;
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

/** Where the answer ends, or null while its head is incomplete. Answers here always name their length. */
function answerEnd(bytes: Buffer): number | null {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const name = bytes.indexOf(LENGTH_HEADER);
  if (name < 0 || name > headEnd) return headEnd + HEAD_END.length;
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
