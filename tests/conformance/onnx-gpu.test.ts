import { WEBGPU } from "../engines/webgpu.js";
import { opsConform } from "./ops.js";
import { WEBGPU_FACTOR } from "./tolerances.js";

opsConform(WEBGPU, { runs: 3, factor: WEBGPU_FACTOR });
