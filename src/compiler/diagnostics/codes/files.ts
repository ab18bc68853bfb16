/** Codes FSL5060–FSL5079: files that a line of a stage names, that is, lists of episodes and weights. */
import { codes } from "../code.js";

const head =
  'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\nimport { prototypes } from "fsl:metrics"\n';

export const filesCodes = codes({
  FSL5060: {
    severity: "error",
    title: "a list of episodes that cannot be used",
    message: "`{path}` cannot be used as a list of episodes: {why}",
    explanation:
      '`episodes "FILE" from SPLIT` evaluates or trains on the episodes of a JSON file (`schemas/episodes.schema.json`) in place of sampled ones. The path starts at the folder of the project. All episodes of a list have the same task, which the file states. Each episode has `way` different classes, and each class has `shot` supports and `query` queries.',
    example: `${head}evaluate r { encoder untrained conv64  metric prototypes  episodes "episodes.json" from emoji.test, 100 episodes }`,
    fix: "Correct the file. `report episodes` writes one that you can start from.",
  },
  FSL5061: {
    severity: "error",
    title: "weights in a file that do not fit",
    message: "the weights in `{path}` cannot fill `{stage}`: {why}",
    explanation:
      '`init SLOT from "FILE"` reads the initial weights of a slot from a safetensors file, whose path starts at the folder of the project. Every weight of the slot needs a tensor of its shape, and every tensor of the file must be used or be left out by a rule. If only half of a file fitted, the results would mean nothing. Tensors are matched by rules, then by equal names, then by shape and by the order of the numbers in their names.',
    example: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate r {\n  encoder conv64  metric prototypes  episodes task from emoji.test, 100 episodes\n  init encoder from "conv64.safetensors"\n}`,
    corrected: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate r {\n  encoder conv64  metric prototypes  episodes task from emoji.test, 100 episodes\n  init encoder from "conv64.safetensors" { "features.{i}.*" -> "encoder.conv.{i}.*"  "fc.*" -> unused }\n}`,
    fix: 'Add rules from the names in the file to the names in the stage: `{ "features.{i}.*" -> "encoder.conv.{i}.*"  "fc.*" -> unused }`. `fslc plan` lists the weights of the stage by layer.',
  },
  FSL5062: {
    severity: "error",
    title: "a rule for weights that cannot be used",
    message: "this rule {why}",
    explanation:
      "On the left, `*` stands for any text within a part of a name, `**` for any number of parts, and `{i}` for a part that the right side repeats, also with a number added (`{i+1}`) or subtracted (`{i-1}`). The right side is a path of the stage's weights, or `unused`. Each rule must match a tensor that no earlier rule took, and fill a weight that no earlier rule filled.",
    example: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate r {\n  encoder conv64  metric prototypes  episodes task from emoji.test, 100 episodes\n  init encoder from "conv64.safetensors" { "layer{i}.*" -> "encoder.konv.{i-1}.*" }\n}`,
    corrected: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate r {\n  encoder conv64  metric prototypes  episodes task from emoji.test, 100 episodes\n  init encoder from "conv64.safetensors" { "layer{i}.*" -> "encoder.conv.{i-1}.*" }\n}`,
    fix: "Correct the pattern or the path, or remove the rule.",
  },
  FSL5063: {
    severity: "error",
    title: "a path outside of the project in an imported file",
    message: "`{file}` is imported and names `{path}`, which is outside of the project",
    explanation:
      "An imported file may come from somebody else. It may name files and folders of the project only, and links are followed to find out. Paths elsewhere are yours to give: in the experiment that you run, with `--set`, or with `--params`.",
    example:
      'fsl 1\n// in a file that the experiment imports\nimport { folder } from "fsl:datasets"\ndataset birds = folder(root: "/data/birds")',
    corrected:
      'fsl 1\n// in a file that the experiment imports\nimport { folder } from "fsl:datasets"\ndataset birds = folder(root: "data/birds")',
    fix: 'Write the path in the experiment that you run. In the imported file, make it a parameter: `param root: text`, and in the experiment `import { birds } from "./birds.fsl" with (root: "/data/birds")`.',
  },
});
