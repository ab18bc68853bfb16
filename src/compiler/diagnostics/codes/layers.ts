/** FSL4001–FSL4999: layers and networks. */
import { codes } from "../code.js";

export const layersCodes = codes({});
