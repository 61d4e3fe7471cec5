/** Negotiation: which version, which transports, which ids. The HTTP around it is the host's. */

export type TransportName = "WebSockets" | "ServerSentEvents" | "LongPolling";

/** The newest version of negotiation; version 0 has no separate token. */
const NEGOTIATE_VERSION = 1;

/** In the order in which clients try them. */
const TRANSPORTS: readonly { transport: TransportName; transferFormats: readonly string[] }[] = [
  { transport: "WebSockets", transferFormats: ["Text", "Binary"] },
  { transport: "ServerSentEvents", transferFormats: ["Text"] },
  { transport: "LongPolling", transferFormats: ["Text", "Binary"] },
];

export type NegotiateRequest = { version: number; statefulReconnect: boolean };

/** The body of an answer with status 200. */
export type NegotiateAnswer =
  | {
      negotiateVersion: number;
      connectionId: string;
      connectionToken?: string;
      availableTransports: readonly { transport: TransportName; transferFormats: readonly string[] }[];
      useStatefulReconnect?: true;
    }
  | { error: string };

export type NegotiateOffer = {
  /** Public name of the connection. */
  connectionId: string;
  /** Secret; clients put it into URLs as it is, so it must consist of URL-safe characters. */
  connectionToken: string;
  transports: readonly TransportName[];
  /** Agreed only when the client asked: Microsoft's JavaScript client (10.0.11) rejects it unasked. */
  statefulReconnect: boolean;
};

/** Reads the query; names in any letter case, as ASP.NET does. The error is the body to answer with. */
export function parseNegotiateRequest(
  query: Iterable<[string, string]>,
): NegotiateRequest | { error: string } {
  let version = 0;
  let statefulReconnect = false;
  for (const [name, value] of query) {
    const key = name.toLowerCase();
    if (key === "negotiateversion") {
      if (!/^\s*[+-]?\d{1,9}\s*$/.test(value))
        return { error: "The client requested a non-integer protocol version." };
      version = Number(value);
    } else if (key === "usestatefulreconnect") {
      statefulReconnect = value.toLowerCase() === "true";
    }
  }
  if (version < 0)
    return {
      error: `The client requested version '${version}', but the server does not support this version.`,
    };
  return { version: Math.min(version, NEGOTIATE_VERSION), statefulReconnect };
}

/** Version 0 answers the token as the id: such clients have no field for the token. */
export function answerNegotiate(request: NegotiateRequest, offer: NegotiateOffer): NegotiateAnswer {
  const { connectionId, connectionToken } = offer;
  return {
    negotiateVersion: request.version,
    ...(request.version === 0 ? { connectionId: connectionToken } : { connectionId, connectionToken }),
    availableTransports: TRANSPORTS.filter(({ transport }) => offer.transports.includes(transport)),
    ...(offer.statefulReconnect && request.statefulReconnect ? { useStatefulReconnect: true } : {}),
  };
}
