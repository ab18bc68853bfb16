import { webgpu } from "../engines/webgpu.js";
import { opsConform } from "./ops.js";
import { longSumsConform } from "./sums.js";
import { webgpuFactor } from "./tolerances.js";

opsConform(webgpu, { runs: 3, factor: webgpuFactor });
longSumsConform(webgpu, { images: 16 });
