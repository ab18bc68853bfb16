/** FSL2001–FSL2999: files, imports, names and parameters. */
import { codes } from "../code.js";

export const namesCodes = codes({});
