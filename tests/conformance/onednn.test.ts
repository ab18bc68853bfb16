import { engines } from "../engines/support.js";
import { opsConform } from "./ops.js";
import { longSumsConform } from "./sums.js";

opsConform(engines.onednn, { runs: 25, factor: 1 });
longSumsConform(engines.onednn, { images: 255 });
