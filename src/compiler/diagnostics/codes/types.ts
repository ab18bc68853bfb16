/** FSL3001–FSL3999: axes, types, units and expressions. */
import { codes } from "../code.js";

export const typesCodes = codes({});
