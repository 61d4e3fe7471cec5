import { describeNodeTransport } from "../contract/node-transport.ts";

describeNodeTransport("Bun");
