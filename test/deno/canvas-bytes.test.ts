import { canvasBytesContract } from "../contract/canvas-bytes.ts";

canvasBytesContract();
