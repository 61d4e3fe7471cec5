import encoderWasm from "@jsquash/webp/codec/enc/webp_enc_simd.wasm?module";
import { filmBytesContract } from "../contract/film-bytes.ts";

filmBytesContract(async () => encoderWasm);
