/** FSL1001–FSL1999: text and grammar. */
import { codes } from "../code.js";

export const syntaxCodes = codes({});
