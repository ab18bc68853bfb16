import type { OpName } from "../../src/compiler/tensor/ir.js";
import { engines } from "../engines/support.js";
import { opsConform } from "./ops.js";
import { longSumsConform } from "./sums.js";

const roundingOps = ["conv2d", "conv2d_input_grad", "conv2d_filter_grad", "dot_general"] satisfies OpName[];

opsConform(engines.onednn, { runs: 25, factor: 1 });
// A number of bf16 is wrong by 0.2 % at most, a thousand times as much as the tolerance of f32.
opsConform(engines.onednnRounding, { runs: 25, factor: 4000, ops: roundingOps });
longSumsConform(engines.onednn, { images: 255 });
