import { describe, expect, test } from "vitest";
import { EVENT_STREAM_PREAMBLE, writeEvent } from "../../../../src/signalr/protocols/event-stream-format.ts";
import { answerNegotiate, parseNegotiateRequest } from "../../../../src/signalr/transports/negotiation.ts";

const ALL = ["WebSockets", "ServerSentEvents", "LongPolling"] as const;
const OFFER = { connectionId: "public", connectionToken: "secret", transports: ALL, statefulReconnect: true };
const parse = (query: string) => parseNegotiateRequest(new URLSearchParams(query));

function answer(query: string, offer: Partial<Parameters<typeof answerNegotiate>[1]> = {}) {
  const request = parse(query);
  return "error" in request ? request : answerNegotiate(request, { ...OFFER, ...offer });
}

describe("negotiation", () => {
  test("NegotiateReservesConnectionIdAndReturnsIt: version 1 has a public id and a secret token", () => {
    expect(answer("negotiateVersion=1")).toEqual({
      negotiateVersion: 1,
      connectionId: "public",
      connectionToken: "secret",
      availableTransports: [
        { transport: "WebSockets", transferFormats: ["Text", "Binary"] },
        { transport: "ServerSentEvents", transferFormats: ["Text"] },
        { transport: "LongPolling", transferFormats: ["Text", "Binary"] },
      ],
    });
  });

  test("version 0, asked for or not, knows one id, which is the secret one", () => {
    for (const query of ["", "negotiateVersion=0", "other=1"]) {
      expect(answer(query)).toMatchObject({ negotiateVersion: 0, connectionId: "secret" });
      expect(answer(query)).not.toHaveProperty("connectionToken");
    }
  });

  test("a later version is answered with the newest one we know; names are read in any letter case", () => {
    expect(answer("NEGOTIATEVERSION=7")).toMatchObject({ negotiateVersion: 1 });
  });

  test("NegotiateReturnsAvailableTransportsAfterFilteringByOptions", () => {
    expect(answer("negotiateVersion=1", { transports: ["LongPolling"] })).toMatchObject({
      availableTransports: [{ transport: "LongPolling" }],
    });
  });

  test("stateful reconnect is agreed only when both want it", () => {
    expect(answer("negotiateVersion=1&useStatefulReconnect=true")).toMatchObject({
      useStatefulReconnect: true,
    });
    expect(answer("negotiateVersion=1&useStatefulReconnect=false")).not.toHaveProperty(
      "useStatefulReconnect",
    );
    expect(
      answer("negotiateVersion=1&useStatefulReconnect=true", { statefulReconnect: false }),
    ).not.toHaveProperty("useStatefulReconnect");
  });

  test.each(["x", "", "1.5", "1e3", "99999999999999"])("version '%s' is refused in the body", (version) => {
    expect(answer(`negotiateVersion=${version}`)).toEqual({
      error: "The client requested a non-integer protocol version.",
    });
  });

  test("a version below ours is refused in the body", () => {
    expect(answer("negotiateVersion=-1")).toEqual({
      error: "The client requested version '-1', but the server does not support this version.",
    });
  });
});

describe("event streams", () => {
  test("SSEAddsAppropriateFraming: one event for each frame, the separator stays, lines are split", () => {
    expect(EVENT_STREAM_PREAMBLE).toBe(":\r\n");
    expect(writeEvent('{"type":6}\x1e')).toBe('data: {"type":6}\x1e\r\n\r\n');
    expect(writeEvent("a\nb\r\nc")).toBe("data: a\r\ndata: b\r\ndata: c\r\n\r\n");
    expect(writeEvent(new TextEncoder().encode("é"))).toBe("data: é\r\n\r\n");
  });

  test("SSEWritesVeryLargeMessages", () => {
    expect(writeEvent("x".repeat(1_000_000))).toHaveLength(1_000_010);
  });
});
