/**
 * One exchange over `node:http` and `node:https`, which connect to the address that a lookup of ours names: what was checked
 * is what is connected to, however often a name's answer changes. (`fetch` resolves by itself, and obeys proxy variables.)
 *
 * Seen with Deno 2.9.6: a TLS connection is read on while nobody reads the answer. A reader that is slower than the network
 * pays for that in memory; readers here write to a disk.
 */

import { lookup } from "node:dns/promises";
import type { IncomingMessage, RequestOptions } from "node:http";
import type { LookupFunction } from "node:net";
import process from "node:process";
import { isPublicAddress } from "../../fetch/public-address.ts";
import { hostOf, notPublic } from "../../fetch/target-guard.ts";
import type { Transport, TransportAnswer } from "../../fetch/transport.ts";

export type ResolvedAddress = { address: string; family: number };
export type NodeTransportOptions = {
  /** Every address of a name. Default: the system's. */
  resolve?: (host: string) => Promise<ResolvedAddress[]>;
  /** Which addresses may be connected to. Default: those of the public internet. */
  isPublic?: (address: string) => boolean;
  /** Certificates that are trusted instead of the well-known ones, PEM. */
  ca?: string;
};

/** More headers than any server has reason to send. */
const MAX_HEADER_BYTES = 32 * 1024;
/** Without it proxy variables of the environment would count, where NODE_USE_ENV_PROXY is set. */
const NO_PROXY = { keepAlive: false, proxyEnv: {} };

export function createNodeTransport({
  resolve = systemLookup,
  isPublic = isPublicAddress,
  ca,
}: NodeTransportOptions = {}): Transport {
  return {
    send: (url, request) =>
      new Promise((answer, reject) => {
        const { method, body, anyAddress, signal } = request;
        const secure = url.protocol === "https:";
        // Loaded by the first exchange: they take a tenth of a start.
        const web = process.getBuiltinModule(secure ? "node:https" : "node:http");
        const options: RequestOptions = {
          host: hostOf(url),
          port: url.port,
          path: `${url.pathname}${url.search}`,
          method,
          headers: { host: url.host, ...request.headers },
          agent: new web.Agent(NO_PROXY),
          lookup: checkedLookup(resolve, anyAddress ? () => true : isPublic),
          maxHeaderSize: MAX_HEADER_BYTES,
          signal,
          ...(ca !== undefined && { ca }),
        };
        const sent = web.request(options);
        sent.on("socket", (socket) => {
          socket.on("connect", () => {
            // An address in the URL itself is not looked up; the guard has seen it, and this is the last word.
            if (!anyAddress && !isPublic(socket.remoteAddress ?? "")) sent.destroy(notPublic());
            else if (!secure) request.connected();
          });
          socket.on("secureConnect", request.connected);
        });
        sent.on("response", (response) => answer(answerOf(response)));
        sent.on("error", reject);
        sent.end(body ?? undefined);
      }),
  };
}

/** A lookup that answers nothing unless all of a name's addresses may be connected to: one that may not is no accident. */
function checkedLookup(
  resolve: (host: string) => Promise<ResolvedAddress[]>,
  mayConnect: (address: string) => boolean,
): LookupFunction {
  return (host, options, callback) => {
    resolve(host).then(
      (found) => {
        const [first] = found;
        if (first === undefined) callback(new Error("the name has no address"), "", 0);
        else if (!found.every(({ address }) => mayConnect(address))) callback(notPublic(), "", 0);
        else if (options.all === true) callback(null, found);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, "", 0),
    );
  };
}

function systemLookup(host: string): Promise<ResolvedAddress[]> {
  return lookup(host, { all: true });
}

function answerOf(response: IncomingMessage): TransportAnswer {
  const headers = new Headers();
  for (const [name, values] of Object.entries(response.headersDistinct)) {
    for (const value of values ?? []) appendLegal(headers, name, value);
  }
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  return {
    status: response.statusCode ?? 0,
    headers,
    body: new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { done, value } = await chunks.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel() {
          response.destroy();
        },
      },
      { highWaterMark: 0 },
    ),
  };
}

/** A header that is none is left out: it decides nothing here. */
function appendLegal(headers: Headers, name: string, value: string): void {
  try {
    headers.append(name, value);
  } catch {
    // Bytes that no header may have.
  }
}
