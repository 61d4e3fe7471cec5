import { encoderWasm } from "../../src/runtime/process/codec-wasm.ts";
import { filmBytesContract } from "../contract/film-bytes.ts";

filmBytesContract(encoderWasm);
