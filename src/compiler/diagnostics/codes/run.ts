/** FSL7001–FSL7999: engines, store, workers and the command line. */
import { codes } from "../code.js";

export const runCodes = codes({});
