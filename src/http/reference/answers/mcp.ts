/** What the Model Context Protocol answers: a message of JSON-RPC. */

import { z } from "zod";
import { about, named } from "../shape.ts";

export const rpcAnswer = named(
  "RpcAnswer",
  "The answer to a request of JSON-RPC 2.0: a result or an error.",
  z.object({
    jsonrpc: z.literal("2.0"),
    id: about("Of the request.", z.union([z.string(), z.int(), z.null()])),
    result: z.looseObject({}).exactOptional(),
    error: z.looseObject({ code: z.int(), message: z.string() }).exactOptional(),
  }),
);
