/** FSL5060–FSL5079: files that a line of a stage names: lists of episodes, weights. */
import { codes } from "../code.js";

const head =
  'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\nimport { prototypes } from "fsl:metrics"\n';

export const filesCodes = codes({
  FSL5060: {
    severity: "error",
    title: "a list of episodes that cannot be used",
    message: "`{path}` cannot be used as a list of episodes: {why}",
    explanation:
      '`episodes "FILE" from SPLIT` evaluates on the episodes of a JSON file (`schemas/episodes.schema.json`) in place of sampled ones. Its path starts at the project\'s folder. All its episodes are of one task, which it states; each has `way` different classes with `shot` supports and `query` queries.',
    example: `${head}evaluate r { encoder untrained conv64  metric prototypes  episodes "episodes.json" from emoji.test, 100 episodes }`,
    mend: "Correct the file; `report episodes` writes one to start from.",
  },
});
