/** Codes FSL5070–FSL5080: descriptions of classes, vectors, episodes without supports, and values that are fitted. */
import { codes } from "../code.js";

const head =
  'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\nimport { prototypes } from "fsl:metrics"\n';
const data = "dataset drawings = emoji() { describe tag }\n";
const about = (type: string): string =>
  `metric described {\n  learn place = module { linear(feature) }\n  classify(about: ${type}, query: vector) -> logits [way] {\n    dot(query, place(about[tag as feature]) over feature)\n  }\n}\n`;
const evaluation = (metric: string): string =>
  `evaluate final { encoder untrained conv64  metric untrained ${metric}  episodes task from drawings.test, 100 episodes }`;

export const descriptionCodes = codes({
  FSL5070: {
    severity: "error",
    title: "a description that cannot be used",
    message: "`{name}` cannot describe the classes: {why}",
    explanation:
      '`describe NAME` names a table that the source of the dataset has. `describe NAME from "FILE"` names a file of the project: CSV with a line of column names, JSON, or lines of a class and its numbers. It has a row for each class. NAME becomes a form of parameters, with an axis of its own.',
    example: `${head}dataset drawings = emoji() { describe tags }`,
    corrected: `${head}dataset drawings = emoji() { describe tag }`,
    fix: "Correct the name or the file. `fslc data list` names the descriptions that sources have.",
  },
  FSL5071: {
    severity: "error",
    title: "a description of images",
    message: "`{form}` describes classes, so it has the axis `{axis}`, and here it has {found}",
    explanation:
      "A description belongs to a class. Along the axes of queries it would tell the class of each query, which a method must find out.",
    example: `${head}${data}episode task = 5 way, 0 shot, 3 query\n${about("tag")}${evaluation("described")}`,
    corrected: `${head}${data}episode task = 5 way, 0 shot, 3 query\n${about("tag [way]")}${evaluation("described")}`,
    fix: "Take it along the classes: `about: tag [way]` in an entry, `about: tag [class]` in a `fit`.",
  },
  FSL5072: {
    severity: "error",
    title: "supports in an episode of 0 shots",
    message: "`{metric}` takes supports as `{name}`, and the episode has 0 shots",
    explanation:
      "An episode of `0 shot` has no labeled images. Its classes are known by their descriptions alone, so the metric has to take those.",
    example: `${head}${data}episode task = 5 way, 0 shot, 3 query\nevaluate final { encoder untrained conv64  metric prototypes  episodes task from drawings.test, 100 episodes }`,
    corrected: `${head}${data}episode task = 5 way, 1 shot, 3 query\nevaluate final { encoder untrained conv64  metric prototypes  episodes task from drawings.test, 100 episodes }`,
    fix: "Give the episode shots, or use a metric that takes descriptions in their place.",
  },
  FSL5073: {
    severity: "error",
    title: "a value that cannot be fitted",
    message: "`{name}` cannot be fitted: {why}",
    explanation:
      "A fitted value is computed once from the base data and is the same for all tasks. Its axes are those of features, descriptions and base classes. It has at most 67108864 numbers.",
    example: `${head}metric m {\n  fit W [way, feature] from x: vector [item] { mean(x over item) }\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    -squared_distance(query - W, mean(support over shot) over feature)\n  }\n}`,
    corrected: `${head}metric m {\n  fit W [feature] from x: vector [item] { mean(x over item) }\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    -squared_distance(query - W, mean(support over shot) over feature)\n  }\n}`,
    fix: "Give it other axes, or as many values as names: `fit a, b from … { …; (x, y) }`.",
  },
  FSL5074: {
    severity: "error",
    title: "a description that the data lack",
    message: "`{metric}` takes the description `{form}` of each class, and `{dataset}` {has}",
    explanation:
      "A form along `way` or `class` that is no output of the encoder is a description: what is known of each class beside its images. A dataset has the descriptions that its `describe` lines name.",
    example: `${head}dataset drawings = emoji()\nepisode task = 5 way, 0 shot, 3 query\n${about("tag [way]")}${evaluation("described")}`,
    corrected: `${head}${data}episode task = 5 way, 0 shot, 3 query\n${about("tag [way]")}${evaluation("described")}`,
    fix: "Add a `describe` line to the dataset.",
  },
  FSL5077: {
    severity: "error",
    title: "episodes of a whole split",
    message: "`all` is not possible here: {why}",
    explanation:
      "In an evaluation, `all way` makes every class of the split a way, and `all query` makes every image that is no support a query. Classes may then have different numbers of queries.",
    example: `${head}episode task = all way, 1 shot, 3 query\nmeta proto {\n  encoder conv64  metric prototypes  episodes task from emoji.train\n  optimizer adam(lr: 1e-3)\n  for 3 steps\n}`,
    corrected: `${head}episode task = 5 way, 1 shot, 3 query\nmeta proto {\n  encoder conv64  metric prototypes  episodes task from emoji.train\n  optimizer adam(lr: 1e-3)\n  for 3 steps\n}`,
    fix: "Give the number: `5 way`, `15 query`.",
  },
  FSL5078: {
    severity: "error",
    title: "splits that have no union",
    message: "`{first}` and `{second}` cannot be used as one split: {why}",
    explanation:
      "Two splits of one dataset that follow each other in the order train, val, seen, test can be used as one: `birds.seen + birds.test`. `seen` exists if the dataset has a line `hold out`.",
    example: `${head}dataset drawings = emoji()\nepisode task = 5 way, 1 shot, 3 query\nevaluate final { encoder untrained conv64  metric prototypes  episodes task from drawings.train + drawings.test, 100 episodes }`,
    corrected: `${head}dataset drawings = emoji()\nepisode task = 5 way, 1 shot, 3 query\nevaluate final { encoder untrained conv64  metric prototypes  episodes task from drawings.val + drawings.test, 100 episodes }`,
    fix: "Name two splits that follow each other.",
  },
  FSL5080: {
    severity: "error",
    title: "vectors that cannot be used",
    message: "the vectors of `{dataset}` cannot be used: {why}",
    explanation:
      "The source `vectors` gives numbers instead of images, such as the features of another network. The encoder takes each of them as an image of one pixel, whose channels are the numbers of the vector. So the data decide the sizes of the encoder, and transforms of images have no meaning.",
    example:
      'fsl 1\nimport { vectors } from "fsl:datasets"\ndataset features = vectors(root: "data/features") { train flip }',
    corrected: 'fsl 1\nimport { vectors } from "fsl:datasets"\ndataset features = vectors(root: "data/features")',
    fix: "Leave out the lines `train` and `eval`, and put the data there before you check or plan the experiment.",
  },
  FSL5075: {
    severity: "error",
    title: "two tables of one name",
    message:
      "the description `{form}` is not the same {places}, so what was fitted or trained on one cannot be used with the other",
    explanation:
      "The numbers of a description have a meaning by their place. If two datasets of a stage describe their classes under one name, they must do it with the same table.",
    example:
      'fit from a.train, and episodes from b.test, where a has `describe word from "one.csv"` and b has `describe word from "two.csv"`',
    fix: "Use one table for both datasets.",
  },
});
