/** Codes FSL5001–FSL5999: datasets, episodes, slots and stages. Those from FSL5101 on stop a stage from running, but not the check. */
import { codes } from "../code.js";

const head =
  'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\nimport { prototypes } from "fsl:metrics"\n';
const meta = (lines: string) =>
  `${head}episode task = 5 way, 1 shot, 7 query\nmeta proto {\n  encoder conv64  metric prototypes  episodes task from emoji.train\n  optimizer adam(lr: 1e-3)\n  for 2 epochs of 100 episodes, 1 episode per step\n${lines}}`;

export const stagesCodes = codes({
  FSL5001: {
    severity: "error",
    title: "a missing line",
    message: "the {kind} stage `{stage}` has no `{line}` line",
    explanation:
      "A `pretrain` needs data, encoder, head, optimizer and for. A `meta` needs encoder, metric, episodes, optimizer and for. An `evaluate` needs encoder, metric and episodes. `like` and `of` can provide these lines.",
    example: `${head}evaluate final { encoder conv64  metric prototypes }`,
    corrected: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate final { encoder untrained conv64  metric prototypes  episodes task from emoji.test, 100 episodes }`,
    fix: "Add the line.",
  },
  FSL5002: {
    severity: "error",
    title: "a line that the stage does not have",
    message: "a {kind} has no `{line}` line",
    explanation: "Each kind of stage has its own lines, and no line is ignored silently.",
    example: `${head}pretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimzer sgd(lr: 0.1)\n  for 2 epochs, 64 images per step, drop last\n}`,
    corrected: `${head}pretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 2 epochs, 64 images per step, drop last\n}`,
    fix: "Correct the word or remove the line.",
  },
  FSL5003: {
    severity: "error",
    title: "a line given twice",
    message: "`{line}` is already given",
    explanation: "If two lines begin with the same word, it is not clear which one counts.",
    example: meta("  for 3 epochs of 100 episodes, 1 episode per step\n"),
    corrected: meta(""),
    fix: "Remove one of the two.",
  },
  FSL5004: {
    severity: "error",
    title: "more ways than classes",
    message: "{what} needs {need} classes, but `{split}` has only {classes}",
    explanation: "An episode draws this number of different classes from the split.",
    example: `${head}episode task = 500 way, 1 shot, 1 query\nevaluate final { encoder conv64  metric prototypes  episodes task from emoji.test, 100 episodes }`,
    corrected: `${head}episode task = 5 way, 1 shot, 1 query\nevaluate final { encoder untrained conv64  metric prototypes  episodes task from emoji.test, 100 episodes }`,
    fix: "Use fewer ways, or a split with more classes.",
  },
  FSL5005: {
    severity: "error",
    title: "an episode larger than a class",
    message: "{task} needs {need} images in each class, but class `{class}` of `{split}` has only {images}",
    explanation:
      "The supports, queries and unlabeled images of an episode are different images. So each class of the split must have as many images as these together.",
    example: `${head}episode task = 5 way, 5 shot, 15 query\nevaluate final { encoder conv64  metric prototypes  episodes task from emoji.test, 100 episodes }`,
    corrected: `${head}episode task = 5 way, 5 shot, 3 query\nevaluate final { encoder untrained conv64  metric prototypes  episodes task from emoji.test, 100 episodes }`,
    fix: "Use fewer shots or queries, or leave small classes out of the data.",
  },
  FSL5006: {
    severity: "error",
    title: "a split that does not exist",
    message: "`{dataset}` has no {split} split",
    explanation: "Some divisions of a data set have no val split.",
    example:
      'fsl 1\nimport { omniglot } from "fsl:datasets"\ndataset glyphs = omniglot(root: "omniglot", split: background)\n// … episodes task from glyphs.val',
    corrected:
      'fsl 1\nimport { omniglot } from "fsl:datasets"\ndataset glyphs = omniglot(root: "omniglot", split: vinyals)\n// … episodes task from glyphs.val',
    fix: "Use a split that the dataset has. Some sources offer another division of the classes: `split: vinyals` gives Omniglot a val split.",
  },
  FSL5007: {
    severity: "error",
    title: "an incomplete episode",
    message: "{what}",
    explanation:
      "A task is `WAY way, SHOT shot, QUERY query`: the number of classes, the number of labeled images of each, and the number of images to classify.",
    example: "fsl 1\nepisode task = 5 way, 1 shot",
    corrected: "fsl 1\nepisode task = 5 way, 1 shot, 15 query",
    fix: "Write `episode task = 5 way, 1 shot, 15 query`.",
  },
  FSL5008: {
    severity: "error",
    title: "a number out of range",
    message: "{what} must be {range}, but this is {found}",
    explanation: "The value has no meaning outside of this range.",
    example: `${head}episode task = 5 way, 1 shot, 0 query`,
    corrected: `${head}episode task = 5 way, 1 shot, 15 query`,
    fix: "Give a value inside of the range.",
  },
  FSL5009: {
    severity: "error",
    title: "epochs that are not whole steps",
    message: "{total} cannot be divided into steps of {per}: the remainder is {rest}",
    explanation:
      "An epoch is a whole number of steps. Every step then counts the same, and schedules can be given in epochs.",
    example: `${head}pretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 2 epochs, 64 images per step\n}`,
    corrected: `${head}pretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 2 epochs, 64 images per step, drop last\n}`,
    fix: "Choose a number that divides it (the help line lists some), or write `drop last` for images.",
  },
  FSL5010: {
    severity: "error",
    title: "stages that need each other",
    message: "these stages need each other: {chain}",
    explanation: "A stage starts from the results of finished stages. So stages must not need each other in a circle.",
    example: `${head}pretrain a { encoder b.encoder }\npretrain b { encoder a.encoder }`,
    corrected: `${head}pretrain a { encoder conv64 }\npretrain b { encoder a.encoder }`,
    fix: "Let one of them start from a backbone.",
  },
  FSL5011: {
    severity: "error",
    title: "a slot that does not fit",
    message: "the {slot} of `{stage}` does not fit: {why}",
    explanation:
      "Every weight of a filled slot must fit by path, shape and classes. Otherwise a different network would be trained silently.",
    example: `${head}pretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 1 epoch, 64 images per step, drop last\n}\npretrain q like p { data emoji.val  head p.head }`,
    corrected: `${head}pretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 1 epoch, 64 images per step, drop last\n}\npretrain q like p { data emoji.val  head linear(class) }`,
    fix: "Fill the slot with a fresh declaration, or train both on the same classes.",
  },
  FSL5012: {
    severity: "error",
    title: "untrained weights",
    message: "the {slot} `{name}` of `{stage}` has values that were never trained: {names}",
    explanation:
      "An evaluation of untrained values measures nothing. Usually the metric or encoder of a trained stage was meant.",
    example: `${head}import { relation } from "fsl:metrics"\nbackbone shallow = conv64(pools: 1)\nepisode task = 5 way, 1 shot, 7 query\nevaluate r { encoder shallow  metric relation  episodes task from emoji.test, 100 episodes }`,
    corrected: `${head}import { relation } from "fsl:metrics"\nbackbone shallow = conv64(pools: 1)\nepisode task = 5 way, 1 shot, 7 query\nevaluate r { encoder untrained shallow  metric untrained relation  episodes task from emoji.test, 100 episodes }`,
    fix: "Write `of STAGE` or `metric STAGE.metric`. If you do want untrained values, say so: `metric untrained NAME`.",
  },
  FSL5013: {
    severity: "error",
    title: "an output that the backbone lacks",
    message: "`{metric}` needs a `{form}`, but the encoder `{encoder}` has {outputs}",
    explanation: "A metric gets the outputs that its `classify` names, so the backbone must have them.",
    example: `fsl 1\nimport { dn4 } from "fsl:metrics"\nbackbone flat { conv(3, 8), relu, flatten as vector }\n// meta m { encoder flat  metric dn4 … }`,
    corrected: `fsl 1\nimport { dn4 } from "fsl:metrics"\nbackbone flat { conv(3, 8), relu as map, flatten as vector }\n// meta m { encoder flat  metric dn4 … }`,
    fix: "Name the output in the backbone: write `as map` after the layer.",
  },
  FSL5014: {
    severity: "error",
    title: "an optimizer path that matches nothing",
    message: "`{path}` matches no weight that is trained here",
    explanation:
      "A group that changes nothing is a slip. Without this error the training would run to its end, and nobody would notice.",
    example: meta("").replace("adam(lr: 1e-3)", "adam(lr: 1e-3) { head.weight frozen }"),
    corrected: meta("").replace("adam(lr: 1e-3)", "adam(lr: 1e-3) { encoder.conv.*.weight frozen }"),
    fix: "Correct the path. The help line shows some weights that exist. `*` stands for one part of a path, `**` for any number of parts.",
  },
  FSL5015: {
    severity: "error",
    title: "two optimizer groups for one weight",
    message: "`{first}` and `{second}` both set `{setting}` of `{weight}`, and neither path is more specific",
    explanation:
      "If two groups match a weight, the more specific path wins. If both are equally specific, the choice would be random.",
    example: meta("").replace("adam(lr: 1e-3)", "adam(lr: 1e-3) { encoder.** lr: 0.1; **.weight lr: 0.2 }"),
    corrected: meta("").replace(
      "adam(lr: 1e-3)",
      "adam(lr: 1e-3) { encoder.** lr: 0.1; encoder.conv.*.weight lr: 0.2 }",
    ),
    fix: "Make one path more specific.",
  },
  FSL5016: {
    severity: "error",
    title: "top k of fewer ways",
    message: "`top{k}` needs more than {k} ways, but the task has {way}",
    explanation: "If k is not smaller than the number of classes, the right class is always among the first k.",
    example: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate r { encoder untrained conv64  metric prototypes  episodes task from emoji.test, 100 episodes  report top5 }`,
    corrected: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate r { encoder untrained conv64  metric prototypes  episodes task from emoji.test, 100 episodes  report top2 }`,
    fix: "Report a smaller k.",
  },
  FSL5017: {
    severity: "error",
    title: "an unknown report",
    message: "there is no report called `{name}`",
    explanation:
      "An evaluation can report accuracy, accuracy_disjoint, topK (top2, top3, …), confusion, per_class and f1. It can write logits, logits_json and episodes to files. A training can write weights, gradients and images of its steps to files, and a `meta` also its episodes.",
    example: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate r { encoder untrained conv64  metric prototypes  episodes task from emoji.test, 100 episodes  report acuracy }`,
    corrected: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate r { encoder untrained conv64  metric prototypes  episodes task from emoji.test, 100 episodes  report accuracy }`,
    fix: "Use one of these words.",
  },
  FSL5018: {
    severity: "error",
    title: "a method with another size",
    message: "`{name}` was trained with {axis}={trained}, but this task has {axis}={found}",
    explanation: "If the shape of a learned value contains way or shot, the value can be used with that number only.",
    example: `${head}// metric m { learn bias [way] = 0.0 … } trained 5 way, evaluated 10 way`,
    corrected: `${head}// metric m { learn bias [way] = 0.0 … } trained 5 way, evaluated 5 way`,
    fix: "Evaluate with the size that it was trained with.",
  },
  FSL5019: {
    severity: "error",
    title: "an unknown transform, source, optimizer or schedule",
    message: "there is no {kind} called `{name}`",
    explanation: "Sources, transforms, optimizers and schedules are built in. Each place takes one of these kinds.",
    example:
      'fsl 1\nimport { emoji } from "fsl:datasets"\ndataset small = emoji() { train resise(32), normalize\n  eval resize(32), normalize }',
    corrected:
      'fsl 1\nimport { emoji } from "fsl:datasets"\ndataset small = emoji() { train resize(32), normalize\n  eval resize(32), normalize }',
    fix: "Correct the spelling. The help line lists the known names.",
  },
  FSL5020: {
    severity: "error",
    title: "images of two sizes",
    message: "`train` gives {train} images, but `eval` gives {eval}",
    explanation: "The encoder must get images of the same size in training and in evaluation.",
    example:
      'fsl 1\nimport { emoji } from "fsl:datasets"\ndataset small = emoji() { train resize(32), normalize\n  eval resize(64), normalize }',
    corrected:
      'fsl 1\nimport { emoji } from "fsl:datasets"\ndataset small = emoji() { train resize(32), normalize\n  eval resize(32), normalize }',
    fix: "Make both chains end at the same size.",
  },
  FSL5021: {
    severity: "error",
    title: "images without a fixed size",
    message: "the `{chain}` chain does not fix the size of the images",
    explanation:
      "The images of a folder may have any size. `resize(n)` scales the shorter side, and a crop makes all images equal.",
    example:
      'fsl 1\nimport { folder } from "fsl:datasets"\ndataset d = folder(root: "images") { train flip, normalize\n  eval normalize }',
    corrected:
      'fsl 1\nimport { folder } from "fsl:datasets"\ndataset d = folder(root: "images") { train resize(32), center_crop(32), flip, normalize\n  eval resize(32), center_crop(32), normalize }',
    fix: "Add `resize(n), center_crop(n)` or `random_resized_crop(n)`.",
  },
  FSL5022: {
    severity: "error",
    title: "a chain in the wrong order",
    message: "{what}",
    explanation:
      "`normalize` must end a chain: a transform after it would get numbers that are not colors. A crop needs images that are at least as large. `box` needs data with boxes, which count pixels of the file, so nothing that moves pixels may stand before it.",
    example:
      'fsl 1\nimport { emoji } from "fsl:datasets"\ndataset small = emoji() { train resize(32), normalize, flip\n  eval resize(32), normalize }',
    corrected:
      'fsl 1\nimport { emoji } from "fsl:datasets"\ndataset small = emoji() { train resize(32), flip, normalize\n  eval resize(32), normalize }',
    fix: "Reorder the transforms.",
  },
  FSL5023: {
    severity: "error",
    title: "random transforms in evaluation",
    message: "`{name}` is random, but `eval` must give the same images each time",
    explanation: "Each image is embedded once for all episodes, and two methods must be evaluated on the same images.",
    example:
      'fsl 1\nimport { emoji } from "fsl:datasets"\ndataset small = emoji() { train resize(32), flip, normalize\n  eval resize(32), flip, normalize }',
    corrected:
      'fsl 1\nimport { emoji } from "fsl:datasets"\ndataset small = emoji() { train resize(32), flip, normalize\n  eval resize(32), normalize }',
    fix: "Use a transform that is not random (`center_crop`), or leave it out.",
  },
  FSL5024: {
    severity: "error",
    title: "the test split used in training",
    message: "a {kind} stage may not {use} the split `{split}`",
    explanation: "If the test split is used for training or for selecting a model, its accuracy means nothing.",
    example: `${head}pretrain p {\n  data emoji.test  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 1 epoch, 64 images per step, drop last\n}`,
    corrected: `${head}pretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 1 epoch, 64 images per step, drop last\n}`,
    fix: "Train on `train`, select on `val`, and use `test` for `evaluate` only.",
  },
  FSL5025: {
    severity: "error",
    title: "an assumption that does not hold",
    message: "{what}",
    explanation:
      "The compiler compares an assumption about the queries with the episode. The assumption is printed with the result.",
    example: "fsl 1\n// classify(…) transductive, assumes ballanced -> logits [n, way] { … }",
    corrected: "fsl 1\n// classify(…) transductive, assumes balanced -> logits [n, way] { … }",
    fix: "The only known assumption is `balanced`.",
  },
  FSL5026: {
    severity: "error",
    title: "a fit without base data",
    message: "`{metric}` fits {names} from base data: add a line `fit from DATA.train`",
    explanation: "A `fit` is computed once from base data. The stage has to name these data.",
    example:
      "fsl 1\nmetric centered {\n  fit mu: vector from x: vector [item] { mean(x over item) }\n  classify(support: vector [way, shot], query: vector) -> logits [way] { -squared_distance(query - mu, mean(support over shot) - mu over feature) }\n}\n// meta m { … metric centered } without `fit from`",
    corrected:
      "fsl 1\nmetric centered {\n  fit mu: vector from x: vector [item] { mean(x over item) }\n  classify(support: vector [way, shot], query: vector) -> logits [way] { -squared_distance(query - mu, mean(support over shot) - mu over feature) }\n}\n// meta m { … metric centered  fit from emoji.train }",
    fix: "Add the line, with a split other than test.",
  },
  FSL5027: {
    severity: "error",
    title: "`each` in the wrong place",
    message: "{what}",
    explanation:
      "`each [...]` makes one row of results for each value. It is allowed in the `episodes` line of an `evaluate` only. A training stage has one task.",
    example: meta("")
      .replace("episodes task", "episodes task(k: each [1 shot, 5 shot])")
      .replace("episode task =", "episode task(k = 1 shot) ="),
    corrected: meta("")
      .replace("episodes task", "episodes task(k: 5 shot)")
      .replace("episode task =", "episode task(k = 1 shot) ="),
    fix: "Give one value.",
  },
  FSL5028: {
    severity: "error",
    title: "a wrong `like`",
    message: "{what}",
    explanation:
      "`like` names an earlier stage of the same kind. All lines that are not stated again are taken from it.",
    example: `${head}evaluate a like b { report accuracy }`,
    corrected: `${head}episode task = 5 way, 1 shot, 7 query\nevaluate b { encoder untrained conv64  metric prototypes  episodes task from emoji.test, 100 episodes  report accuracy }\nevaluate a like b { report confusion }`,
    fix: "Name an earlier stage of the same kind.",
  },
  FSL5029: {
    severity: "error",
    title: "an unknown part of a loss",
    message: "{what}",
    explanation: "The `loss` line of a `meta` stage adds up numbers: `classify` and the loss entries of the metric.",
    example: meta(
      "  loss(x: image [item], y: class [item]) {\n    mean(cross_entropy(encoder(x, norm: batch).vector, y) over all)\n  }\n",
    ),
    corrected: meta("  loss classify\n"),
    fix: "Name an entry of the metric. The help line lists them.",
  },
  FSL5030: {
    severity: "warning",
    title: "an evaluation on training classes",
    message: "`{stage}` is evaluated on `{split}`, on which `{trained}` was trained",
    explanation:
      "Few-shot accuracy is about classes that were not used in any training. On the classes of the training split it is higher, and only shows how well the training fits.",
    example: `${meta("")}\nevaluate test { of proto  episodes task from emoji.train, 600 episodes  report accuracy }`,
    corrected: `${meta("")}\nevaluate test { of proto  episodes task from emoji.test, 600 episodes  report accuracy }`,
    fix: "Evaluate on `test`. If you want the accuracy on known classes, you can ignore this warning.",
  },
  FSL5031: {
    severity: "error",
    title: "a report that cannot be written",
    message: "`{report}` cannot be reported: {why}",
    explanation:
      "A training can write files about its steps, so that it can be compared with another program. `weights` are written before the first step, `gradients` and `images` of the first step. With `every step` or `every 10 steps`, further ones follow. This is for short trainings: the files of a report are limited in number and size.",
    example: meta("  report weights every step\n").replace("2 epochs", "20 epochs"),
    corrected: meta("  report weights every 100 steps\n").replace("2 epochs", "20 epochs"),
    fix: "Report fewer steps, or shorten the training with a parameter.",
  },
  FSL5032: {
    severity: "error",
    title: "a method of unlabeled images without any",
    message: "`{metric}` takes images without labels (`{parameter}`), and the episodes have none",
    explanation:
      "A parameter with the axis `u` holds the images of an episode that have no labels. An episode has such images if it says how many there are of each class.",
    example: `${head}metric guided { classify(support: vector [way, shot], more: vector [u], query: vector) -> logits [way] { -squared_distance(query, mean(support over shot) + 0.1 * mean(more over u) over feature) } }\nepisode task = 5 way, 1 shot, 3 query\nevaluate r { encoder untrained conv64  metric guided  episodes task from emoji.test, 100 episodes }`,
    corrected: `${head}metric guided { classify(support: vector [way, shot], more: vector [u], query: vector) -> logits [way] { -squared_distance(query, mean(support over shot) + 0.1 * mean(more over u) over feature) } }\nepisode task = 5 way, 1 shot, 3 query, 4 unlabeled\nevaluate r { encoder untrained conv64  metric guided  episodes task from emoji.test, 100 episodes }`,
    fix: "Add the number to the episode: `5 unlabeled`.",
  },
  FSL5033: {
    severity: "warning",
    title: "unlabeled images that nothing sees",
    message: "the episodes have images without labels, and no entry of `{metric}` takes them",
    explanation:
      "Such images take time. In training they are also part of the batch that batch norms normalize over. An entry that takes them has a parameter with the axis `u`.",
    example: `${head}episode task = 5 way, 1 shot, 3 query, 4 unlabeled\nevaluate r { encoder untrained conv64  metric prototypes  episodes task from emoji.test, 100 episodes }`,
    corrected: `${head}episode task = 5 way, 1 shot, 3 query\nevaluate r { encoder untrained conv64  metric prototypes  episodes task from emoji.test, 100 episodes }`,
    fix: "Leave `unlabeled` out: the supports and queries of an episode are the same without it. Or take the images: `more: vector [u]`.",
  },
  FSL5034: {
    severity: "error",
    title: "data sets with images of different sizes",
    message: "the images of {first} and of {second} have different sizes, and one encoder takes both",
    explanation: "If a training takes episodes of several data sets, all images go through the same encoder.",
    example: `${head}dataset small = emoji() { train resize(32), normalize  eval resize(32), normalize }\ndataset large = emoji() { train resize(64), normalize  eval resize(64), normalize }\nepisode task = 5 way, 1 shot, 3 query\nmeta m { encoder conv64  metric prototypes  episodes task from any [small.train, large.train]  optimizer adam(lr: 1e-3)  for 3 steps }`,
    corrected: `${head}dataset small = emoji() { train resize(32), normalize  eval resize(32), normalize }\ndataset plain = emoji() { train resize(32), invert, normalize  eval resize(32), normalize }\nepisode task = 5 way, 1 shot, 3 query\nmeta m { encoder conv64  metric prototypes  episodes task from any [small.train, plain.train]  optimizer adam(lr: 1e-3)  for 3 steps }`,
    fix: "Give the transforms of the data sets one size.",
  },
  FSL5035: {
    severity: "error",
    title: "queries by class of different numbers",
    message:
      "`{entry}` of `{metric}` takes the same number of queries of each class, and these episodes have different numbers",
    explanation:
      "With `dirichlet`, the classes of an episode have different numbers of queries, so no value has the axes way and query.",
    example: `${head}metric pulled {\n  classify(support: vector [way, shot], query: vector) -> logits [way] { -squared_distance(query, mean(support over shot) over feature) }\n  near(support: vector [way, shot], queries: vector [way, query]) -> loss { mean(squared_distance(queries, mean(support over shot) over feature) over all) }\n}\nepisode task = 5 way, 1 shot, 3 query, dirichlet(2.0)\nmeta m { encoder conv64  metric pulled  episodes task from emoji.train  optimizer adam(lr: 1e-3)  for 3 steps  loss classify + near }`,
    corrected: `${head}metric pulled {\n  classify(support: vector [way, shot], query: vector) -> logits [way] { -squared_distance(query, mean(support over shot) over feature) }\n  near(support: vector [way, shot], queries: vector [way, query]) -> loss { mean(squared_distance(queries, mean(support over shot) over feature) over all) }\n}\nepisode task = 5 way, 1 shot, 3 query\nmeta m { encoder conv64  metric pulled  episodes task from emoji.train  optimizer adam(lr: 1e-3)  for 3 steps  loss classify + near }`,
    fix: "Leave `dirichlet` out of the episodes of the training, or the entry out of its loss.",
  },
  FSL5040: {
    severity: "error",
    title: "a stage that trains nothing",
    message: "`{stage}` trains no weight: {why}",
    explanation:
      "Frozen slots and groups keep their weights. A stage in which everything is frozen would change nothing.",
    example: meta("").replace("adam(lr: 1e-3)", "adam(lr: 1e-3) { encoder frozen }"),
    corrected: meta("").replace("adam(lr: 1e-3)", "adam(lr: 1e-3) { encoder.conv.** frozen }"),
    fix: "Leave some weights to be trained, or use the finished stage as it is.",
  },
  FSL5041: {
    severity: "error",
    title: "layer-wise rates without numbered layers",
    message: "`lr_decay` needs a path with one numbered part, and `{path}` {why}",
    explanation:
      "`encoder.stage.* lr_decay: 0.4` gives the last stage the full rate, the one before it 0.4 of the rate, and so on. The `*` must stand for numbers, which tell the depth of a layer.",
    example: meta("").replace("adam(lr: 1e-3)", "adam(lr: 1e-3) { encoder lr_decay: 0.4 }"),
    corrected: meta("").replace("adam(lr: 1e-3)", "adam(lr: 1e-3) { encoder.conv.* lr_decay: 0.4 }"),
    fix: "Write `*` in place of the number: `encoder.conv.*`.",
  },

  FSL5101: {
    severity: "error",
    title: "a loop that is too long for training",
    message: "a training step of `{stage}` cannot contain this loop: {why}",
    explanation:
      "Training differentiates through every round of a loop, so each round is part of the program of the step. Long loops, and loops without a fixed number of rounds, can run at test only. There the runtime drives them round by round.",
    example: "fsl 1\n// a meta stage whose metric is logistic_regression, solved by lbfgs",
    corrected: "fsl 1\n// an evaluate stage whose metric is logistic_regression, solved by lbfgs",
    fix: "Use fewer steps in training (`for 5 steps, 100 steps at test`), or use the metric in an `evaluate` stage.",
  },
  FSL5102: {
    severity: "error",
    title: "a long loop inside a loop",
    message: "each round of this loop of `{stage}` contains {rounds} rounds of other loops, more than {most}",
    explanation:
      "The runtime drives the outermost loop round by round. The loops inside it are written out in the program of one round, and that program must not become too large.",
    example: "fsl 1\n// repeat 20 from u = a { minimize w from u by adam(lr: 0.1) for 1000 steps { … } w }",
    corrected: "fsl 1\n// repeat 20 from u = a { minimize w from u by adam(lr: 0.1) for 100 steps { … } w }",
    fix: "Use fewer rounds in the inner loop, or put the loops one after the other.",
  },
  FSL5106: {
    severity: "error",
    title: "a value fitted from images",
    message: "the metric of `{stage}` fits `{name}` from images, but a fit can use only their embeddings",
    explanation:
      "A fit uses all images of a split at once, as the vectors or maps that the encoder of the stage gives.",
    example: "fsl 1\n// metric m { fit mu: vector from x: image [item] { … } }",
    corrected: "fsl 1\n// metric m { fit mu: vector from x: vector [item] { … } }",
    fix: "Take an output of the backbone: `from x: vector [item]`.",
  },
  FSL5109: {
    severity: "error",
    title: "data that are missing",
    message: "the data of `{dataset}` are missing, so {what} cannot be known",
    explanation:
      "The number of classes decides the shape of a classifier, and the number of images decides the steps of an epoch. `check` works without the data. A run needs them.",
    example: 'fsl 1\nimport { folder } from "fsl:datasets"\n// pretrain on folder(root: "nowhere")',
    corrected: 'fsl 1\nimport { folder } from "fsl:datasets"\n// pretrain on folder(root: "data/birds")',
    fix: "Put the data into the folder that the dataset's `root` names.",
  },
});
