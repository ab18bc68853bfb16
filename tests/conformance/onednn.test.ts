import { engines } from "../engines/support.js";
import { opsConform } from "./ops.js";

opsConform(engines.onednn, { runs: 25, factor: 1 });
