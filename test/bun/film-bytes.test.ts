import { encoderWasm } from "../../src/runtime/process/threads/codec-wasm.ts";
import { filmBytesContract } from "../contract/film-bytes.ts";

filmBytesContract(encoderWasm);
