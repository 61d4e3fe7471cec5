/** The route of the Model Context Protocol. */

import { rpcAnswer } from "../answers/mcp.ts";
import { json, type Operation } from "../operation.ts";
import { header } from "../parameters.ts";

export const MCP: readonly Operation[] = [
  {
    method: "post",
    path: "/mcp",
    id: "callTools",
    tag: "Tools",
    summary: "Speak the Model Context Protocol",
    description:
      "Streamable HTTP without sessions, of 2026-07-28 and the revisions before it. `tools/list` names the tools; calls become tasks of the extension `io.modelcontextprotocol/tasks` for clients that take them.",
    access: "key",
    parameters: [
      header("MCP-Protocol-Version", "The revision, as the message names it; required from 2026-07-28 on."),
      header("Mcp-Method", "The method of the message; required from 2026-07-28 on."),
      header("Mcp-Name", "The tool or the task that the message is about; required from 2026-07-28 on."),
    ],
    otherBody: {
      "application/json": {
        type: "object",
        description: "A message of JSON-RPC 2.0.",
        properties: { jsonrpc: { const: "2.0" } },
        required: ["jsonrpc"],
      },
    },
    answers: {
      200: {
        description: "The answer; with word of progress before it as an event stream, where one asks for it.",
        content: { "application/json": rpcAnswer, "text/event-stream": "text" },
      },
      202: { description: "A notification was taken." },
      400: json("The message is none, or not of a revision that is spoken.", rpcAnswer),
      404: json("There is no such method.", rpcAnswer),
      406: json("A client of a revision before 2026-07-28 has to accept JSON and event streams.", rpcAnswer),
    },
    errors: ["permission_denied", "payload_too_large", "unsupported_media_type"],
  },
];
