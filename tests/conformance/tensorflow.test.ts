import { ENGINES } from "../engines/support.js";
import { opsConform } from "./ops.js";

opsConform(ENGINES.tensorflow, { runs: 25, factor: 1 });
