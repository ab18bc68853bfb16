/** FSL6001–FSL6999: reading data, at run time. */
import { codes } from "../code.js";

export const dataCodes = codes({});
