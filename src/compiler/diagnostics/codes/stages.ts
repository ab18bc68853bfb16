/** FSL5001–FSL5999: datasets, episodes, slots and stages. From FSL5101 on: what checks but does not run yet. */
import { codes } from "../code.js";

const head =
  'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\nimport { prototypes } from "fsl:metrics"\n';
const meta = (lines: string) =>
  `${head}episode task = 5 way, 1 shot, 15 query\nmeta proto {\n  encoder conv64  metric prototypes  episodes task from emoji.train\n  optimizer adam(lr: 1e-3)\n  for 2 epochs of 100 episodes, 1 episode per step\n${lines}}`;

export const stagesCodes = codes({
  FSL5001: {
    severity: "error",
    title: "a line is missing",
    message: "the {kind} stage `{stage}` has no `{line}` line",
    explanation:
      "A `pretrain` needs data, encoder, head, optimizer and for; a `meta` needs encoder, metric, episodes, optimizer and for; an `evaluate` needs encoder, metric and episodes. `like` and `of` may provide them.",
    example: `${head}evaluate final { encoder conv64  metric prototypes }`,
    fix: "Add the line.",
  },
  FSL5002: {
    severity: "error",
    title: "a line that the stage does not have",
    message: "a {kind} has no `{line}` line",
    explanation: "Each kind of stage has its own lines, and nothing is ignored silently.",
    example: `${head}pretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimzer sgd(lr: 0.1)\n  for 2 epochs, 64 images per step, drop last\n}`,
    fix: "Correct the word or remove the line.",
  },
  FSL5003: {
    severity: "error",
    title: "a line given twice",
    message: "`{line}` is already given",
    explanation: "Two lines of one word would leave it open which one counts.",
    example: meta("  for 3 epochs of 100 episodes, 1 episode per step\n"),
    fix: "Remove one of the two.",
  },
  FSL5004: {
    severity: "error",
    title: "more ways than classes",
    message: "{way} way needs {way} classes, and `{split}` has {classes}",
    explanation: "An episode draws that many different classes from the split.",
    example: `${head}episode task = 500 way, 1 shot, 1 query\nevaluate final { encoder conv64  metric prototypes  episodes task from emoji.test, 100 episodes }`,
    fix: "Take fewer ways, or a split with more classes.",
  },
  FSL5005: {
    severity: "error",
    title: "an episode larger than a class",
    message: "{task} needs {need} images a class; class `{class}` of `{split}` has {images}",
    explanation:
      "Supports and queries of an episode are different images, so each class of the split must hold shot + query images.",
    example: `${head}episode task = 5 way, 5 shot, 15 query\nevaluate final { encoder conv64  metric prototypes  episodes task from emoji.test, 100 episodes }`,
    fix: "Take fewer shots or queries, or leave small classes out of the data.",
  },
  FSL5006: {
    severity: "error",
    title: "no such split",
    message: "`{dataset}` has no {split} split",
    explanation: "Not every division of a data set has all of train, val and test.",
    example:
      'fsl 1\nimport { omniglot } from "fsl:datasets"\ndataset glyphs = omniglot(root: "omniglot", split: background)\n// … episodes task from glyphs.val',
    fix: "Use a split that it has, or another division of its classes where the source offers one: `split: vinyals` gives Omniglot a val split.",
  },
  FSL5007: {
    severity: "error",
    title: "an episode that is not complete",
    message: "{what}",
    explanation:
      "A task is `WAY way, SHOT shot, QUERY query`: how many classes, how many labelled images of each, how many to classify.",
    example: "fsl 1\nepisode task = 5 way, 1 shot",
    fix: "Write `episode task = 5 way, 1 shot, 15 query`.",
  },
  FSL5008: {
    severity: "error",
    title: "a number out of range",
    message: "{what} must be {range}, and this is {found}",
    explanation: "The value has no meaning outside this range.",
    example: `${head}episode task = 5 way, 0 shot, 15 query`,
    fix: "Give a value inside the range.",
  },
  FSL5009: {
    severity: "error",
    title: "epochs that are not whole steps",
    message: "{total} in steps of {per} leave {rest} over",
    explanation:
      "An epoch is a whole number of steps, so that every step weighs the same and schedules in epochs mean what they say.",
    example: `${head}pretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 2 epochs, 64 images per step\n}`,
    fix: "Choose a divisor (the help line lists some), or say `drop last` for images.",
  },
  FSL5010: {
    severity: "error",
    title: "stages that need each other",
    message: "these stages need each other: {chain}",
    explanation: "A stage starts from what finished stages made, so references between stages form no circle.",
    example: `${head}pretrain a { encoder b.encoder }\npretrain b { encoder a.encoder }`,
    fix: "Start one of them from a backbone.",
  },
  FSL5011: {
    severity: "error",
    title: "a slot that does not fit",
    message: "the {slot} of `{stage}` does not fit: {why}",
    explanation:
      "Every weight of a filled slot must match by path, shape and classes; anything less would train a different network silently.",
    example: `${head}pretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 1 epoch, 64 images per step, drop last\n}\npretrain q like p { data emoji.val  head p.head }`,
    fix: "Fill the slot with a fresh declaration, or train both on the same classes.",
  },
  FSL5012: {
    severity: "error",
    title: "untrained weights",
    message: "the {slot} `{name}` of `{stage}` has values that no stage has trained: {names}",
    explanation: "Evaluating fresh values measures nothing; usually the metric of a meta stage was meant.",
    example: `${head}import { relation } from "fsl:metrics"\nepisode task = 5 way, 1 shot, 7 query\nevaluate r { encoder conv64  metric relation  episodes task from emoji.test, 100 episodes }`,
    fix: "Use `of STAGE` or `metric STAGE.metric`; if it is meant, say `untrained`: `metric untrained NAME`.",
  },
  FSL5013: {
    severity: "error",
    title: "an output that the backbone lacks",
    message: "`{metric}` asks for a `{form}`, and the encoder `{encoder}` has {outputs}",
    explanation: "A metric gets the outputs that its `classify` names; the backbone must give them.",
    example: `fsl 1\nimport { dn4 } from "fsl:metrics"\nbackbone flat { conv(3, 8), relu, flatten as vector }\n// meta m { encoder flat  metric dn4 … }`,
    fix: "Name the output in the backbone: write `as map` after the layer.",
  },
  FSL5014: {
    severity: "error",
    title: "an optimizer path that matches nothing",
    message: "`{path}` matches no weight that moves here",
    explanation: "A group that changes nothing is a slip that would otherwise train to the end unnoticed.",
    example: meta("").replace("adam(lr: 1e-3)", "adam(lr: 1e-3) { head.weight frozen }"),
    fix: "Correct the path; the help line shows weights that exist. `*` stands for one part, `**` for any number.",
  },
  FSL5015: {
    severity: "error",
    title: "two optimizer groups for one weight",
    message: "`{first}` and `{second}` both settle `{setting}` of `{weight}`, and neither is more specific",
    explanation:
      "Of two groups that match a weight, the more specific wins; of two equally specific ones it would be chance.",
    example: meta("").replace("adam(lr: 1e-3)", "adam(lr: 1e-3) { encoder.** lr: 0.1; **.weight lr: 0.2 }"),
    fix: "Make one path more specific.",
  },
  FSL5016: {
    severity: "error",
    title: "top k of fewer ways",
    message: "`top{k}` needs more than {k} ways, and the task has {way}",
    explanation: "When k is not smaller than the number of classes, the right one is always among the first k.",
    example: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate r { encoder conv64  metric prototypes  episodes task from emoji.test, 100 episodes  report top5 }`,
    fix: "Report a smaller k.",
  },
  FSL5017: {
    severity: "error",
    title: "a report that is unknown",
    message: "nothing called `{name}` can be reported",
    explanation:
      "Evaluations report accuracy, accuracy_disjoint, topK (top2, top3, …), confusion and per_class, and write logits and episodes to files.",
    example: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate r { encoder conv64  metric prototypes  episodes task from emoji.test, 100 episodes  report acuracy }`,
    fix: "Use one of these words.",
  },
  FSL5018: {
    severity: "error",
    title: "a method built for another size",
    message: "`{name}` was trained for {axis}={trained}, and this task has {axis}={found}",
    explanation: "A learned value whose shape holds way or shot pins that size.",
    example: `${head}// metric m { learn bias [way] = 0.0 … } trained 5 way, evaluated 10 way`,
    fix: "Evaluate with the size it was trained for.",
  },
  FSL5019: {
    severity: "error",
    title: "unknown transform, source, optimizer or schedule",
    message: "there is no {kind} called `{name}`",
    explanation: "Sources, transforms, optimizers and schedules are built in; each place has its own set.",
    example:
      'fsl 1\nimport { emoji } from "fsl:datasets"\ndataset small = emoji() { train resise(32), normalize\n  eval resize(32), normalize }',
    fix: "Correct the spelling; the help line lists what there is.",
  },
  FSL5020: {
    severity: "error",
    title: "images of two sizes",
    message: "train gives {train} images and eval {eval}",
    explanation: "The encoder must meet the same size in training and in evaluation.",
    example:
      'fsl 1\nimport { emoji } from "fsl:datasets"\ndataset small = emoji() { train resize(32), normalize\n  eval resize(64), normalize }',
    fix: "Make both chains end at the same size.",
  },
  FSL5021: {
    severity: "error",
    title: "images of no fixed size",
    message: "the {chain} chain never fixes the size of the images",
    explanation:
      "Images of a folder come in all sizes; `resize(n)` scales the shorter side, and a crop makes them equal.",
    example:
      'fsl 1\nimport { folder } from "fsl:datasets"\ndataset d = folder(root: "images") { train flip, normalize\n  eval normalize }',
    fix: "Add `resize(n), center_crop(n)` or `random_resized_crop(n)`.",
  },
  FSL5022: {
    severity: "error",
    title: "a chain in the wrong order",
    message: "{what}",
    explanation:
      "`normalize` ends a chain: what follows it would see numbers that are no colours. Crops come from images at least as large.",
    example:
      'fsl 1\nimport { emoji } from "fsl:datasets"\ndataset small = emoji() { train normalize, flip\n  eval normalize }',
    fix: "Reorder the transforms.",
  },
  FSL5023: {
    severity: "error",
    title: "random transforms in evaluation",
    message: "`{name}` is random, and `eval` must be the same each time",
    explanation: "Each image is embedded once for all episodes, and two methods must meet the same images.",
    example:
      'fsl 1\nimport { emoji } from "fsl:datasets"\ndataset small = emoji() { train flip, normalize\n  eval flip, normalize }',
    fix: "Use the fixed counterpart (`center_crop`), or leave it out.",
  },
  FSL5024: {
    severity: "error",
    title: "the test split in training",
    message: "a {kind} stage may not {use} `{split}`",
    explanation: "Weights or model selection that have seen the test split make its accuracy meaningless.",
    example: `${head}pretrain p {\n  data emoji.test  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 1 epoch, 64 images per step, drop last\n}`,
    fix: "Train on `train`, select on `val`, and keep `test` for `evaluate`.",
  },
  FSL5025: {
    severity: "error",
    title: "an assumption that does not hold",
    message: "{what}",
    explanation:
      "A method that assumes something of the queries is checked against the episode, and the assumption is printed with the result.",
    example: "fsl 1\n// classify(…) transductive, assumes ballanced -> logits [n, way] { … }",
    fix: "The one assumption known is `balanced`.",
  },
  FSL5026: {
    severity: "error",
    title: "a metric without fitted data",
    message: "`{metric}` fits {names} from base data: say `fit from DATA.train`",
    explanation: "A `fit` is computed once from base data, which the stage names.",
    example:
      "fsl 1\nmetric centred {\n  fit mu: vector from x: vector [item] { mean(x over item) }\n  classify(support: vector [way, shot], query: vector) -> logits [way] { -squared_distance(query - mu, mean(support over shot) - mu over feature) }\n}\n// meta m { … metric centred } without `fit from`",
    fix: "Add the line, with a split that is not the test split.",
  },
  FSL5027: {
    severity: "error",
    title: "an axis given where rows are",
    message: "{what}",
    explanation:
      "`each [...]` makes one row per value, in the `episodes` line of an `evaluate`; a training stage has one task.",
    example: meta("")
      .replace("episodes task", "episodes task(k: each [1 shot, 5 shot])")
      .replace("episode task =", "episode task(k = 1 shot) ="),
    fix: "Give one value.",
  },
  FSL5028: {
    severity: "error",
    title: "a stage like no other",
    message: "{what}",
    explanation:
      "`like` names an earlier stage of the same kind, whose lines are taken over where they are not restated.",
    example: `${head}evaluate a like b { report accuracy }`,
    fix: "Name a stage of the same kind.",
  },
  FSL5029: {
    severity: "error",
    title: "a loss entry out of place",
    message: "{what}",
    explanation: "In a `loss` line of a `meta` stage, `classify` and the metric's loss entries are numbers to add up.",
    example: meta("  loss classify + 0.1 * contrast\n"),
    fix: "Name an entry of the metric; the help line lists them.",
  },
  FSL5030: {
    severity: "warning",
    title: "classes that were trained on",
    message: "`{stage}` is evaluated on `{split}`, which `{trained}` was trained on",
    explanation:
      "Few-shot accuracy is of classes that no training has seen. On those of the training split it is higher, and says how well the training fits.",
    example: `${meta("")}\nevaluate test { of proto  episodes task from emoji.train, 600 episodes  report accuracy }`,
    fix: "Evaluate on `test`. Where the accuracy on known classes is what is meant, this is only said so that nobody takes it for the other.",
  },
  FSL5040: {
    severity: "error",
    title: "a stage that trains nothing",
    message: "`{stage}` trains no weight: {why}",
    explanation:
      "Frozen slots and groups keep their weights. A stage that keeps all of them would run to its end for nothing.",
    example: meta("").replace("adam(lr: 1e-3)", "adam(lr: 1e-3) { encoder frozen }"),
    fix: "Leave something to train, or use the finished stage as it is.",
  },
  FSL5041: {
    severity: "error",
    title: "rates that fall along nothing",
    message: "`lr_decay` needs a path with one numbered part, and `{path}` {why}",
    explanation:
      "`encoder.stage.* lr_decay: 0.4` gives the last stage the full rate, the one before it 0.4 of it, and so on: the numbers that `*` stands for are the depth.",
    example: meta("").replace("adam(lr: 1e-3)", "adam(lr: 1e-3) { encoder lr_decay: 0.4 }"),
    fix: "Write `*` where the number stands: `encoder.conv.*`.",
  },

  FSL5101: {
    severity: "error",
    title: "a loop that a training step cannot hold",
    message: "a training step of `{stage}` cannot go through this loop: {why}",
    explanation:
      "Training differentiates through every round of a loop, so each is part of the step's program. Long loops, and minimisations that end by themselves, run at test, where the runtime drives them round by round.",
    example: "fsl 1\n// a meta stage whose metric is logistic_regression, solved by lbfgs",
    fix: "Take fewer steps in training (`for 5 steps, 100 steps at test`), or use the metric in an `evaluate` stage.",
  },
  FSL5102: {
    severity: "error",
    title: "a long loop inside a loop",
    message: "each round of this loop of `{stage}` holds {rounds} rounds of others, more than {most}",
    explanation:
      "The runtime drives the outermost loop round by round. Loops inside it are written out in the program of one round, which must not grow without bound.",
    example: "fsl 1\n// repeat 20 from u = a { minimize w from u by adam(lr: 0.1) for 1000 steps { … } w }",
    fix: "Let the inner loop have fewer rounds, or place one after the other.",
  },
  FSL5106: {
    severity: "error",
    title: "a value fitted from images",
    message: "the metric of `{stage}` fits `{name}` from images: it can be fitted from their embeddings only",
    explanation: "A fit sees every image of a split at once: as vectors or maps that the stage's encoder gives.",
    example: "fsl 1\n// metric m { fit mu: vector from x: image [item] { … } }",
    fix: "Take an output of the backbone: `from x: vector [item]`.",
  },
  FSL5109: {
    severity: "error",
    title: "the data are not here",
    message: "the data of `{dataset}` are not here, so {what} cannot be known",
    explanation:
      "The number of classes decides the shape of a classifier, and the number of images the steps of an epoch. `check` goes on without; running needs the data.",
    example: 'fsl 1\nimport { folder } from "fsl:datasets"\n// pretrain on folder(root: "nowhere")',
    fix: "Put the data where the dataset's `root` says.",
  },
});
