import { ENGINES } from "../engines/support.js";
import { opsConform } from "./ops.js";

opsConform(ENGINES.onnx, { runs: 25, factor: 1 });
