import { encoderWasm } from "../../src/runtime/process/encoder-wasm.ts";
import { filmBytesContract } from "../contract/film-bytes.ts";

filmBytesContract(encoderWasm);
