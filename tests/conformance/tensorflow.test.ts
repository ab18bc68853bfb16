import { engines } from "../engines/support.js";
import { opsConform } from "./ops.js";
import { longSumsConform } from "./sums.js";

opsConform(engines.tensorflow, { runs: 25, factor: 1 });
longSumsConform(engines.tensorflow, { images: 255 });
