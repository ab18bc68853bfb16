/** FSL5001–FSL5999: datasets, episodes, slots and stages. */
import { codes } from "../code.js";

export const stagesCodes = codes({});
