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
    fix: "Correct the file; `report episodes` writes one to start from.",
  },
  FSL5061: {
    severity: "error",
    title: "weights of a file that do not fit",
    message: "the weights of `{path}` cannot fill `{stage}`: {why}",
    explanation:
      '`init SLOT from "FILE"` starts the fresh weights of a slot from a safetensors file whose path starts at the project\'s folder. Every weight of the slot needs a tensor of its shape, and every tensor of the file must be used or left out by a rule: a half-matched file would give numbers that mean nothing. Tensors are found by rules, then by equal names, then by shape and order where the numbers in their names tell it.',
    example: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate r {\n  encoder conv64  metric prototypes  episodes task from emoji.test, 100 episodes\n  init encoder from "conv64.safetensors"\n}`,
    fix: 'Add rules from the file\'s names to the stage\'s: `{ "features.{i}.*" -> "encoder.conv.{i}.*"  "fc.*" -> unused }`. `fslc plan` lists the stage\'s weights by layer.',
  },
  FSL5062: {
    severity: "error",
    title: "a rule for weights that does not work",
    message: "this rule {why}",
    explanation:
      "On the left `*` is any text within a part of a name, `**` any number of parts, `{i}` a part that the right side repeats, also counted on (`{i+1}`) or back (`{i-1}`). On the right stands a path of the stage's weights, or `unused`. Each rule must match a tensor that no earlier rule took, and fill a weight that none filled.",
    example: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate r {\n  encoder conv64  metric prototypes  episodes task from emoji.test, 100 episodes\n  init encoder from "conv64.safetensors" { "layer{i}.*" -> "encoder.konv.{i-1}.*" }\n}`,
    fix: "Correct the pattern or the path, or remove the rule.",
  },
});
