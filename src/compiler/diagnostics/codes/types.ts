/** Codes FSL3001–FSL3999: axes, types, units and expressions. */
import { codes } from "../code.js";

const metric = (body: string) =>
  `fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    ${body}\n  }\n}`;

export const typesCodes = codes({
  FSL3001: {
    severity: "error",
    title: "an axis that the value does not have",
    message: "there is no axis `{axis}` in {type}",
    explanation:
      "Functions that reduce, contract, rename or merge name axes of their value. This value has no axis of that name.",
    example: metric("-squared_distance(query, mean(support over shots) over feature)"),
    corrected: metric("-squared_distance(query, mean(support over shot) over feature)"),
    fix: "Name one of the axes of the value. The message lists them.",
  },
  FSL3002: {
    severity: "error",
    title: "axes of unequal size",
    message: "`{axis}` is {left} on one side and {right} on the other",
    explanation:
      "Values are aligned by the names of their axes. Axes of the same name must have the same size: nothing is stretched silently.",
    example: metric("-squared_distance(query, mean(concat(support, support along feature) over shot) over feature)"),
    corrected: metric("-squared_distance(query, mean(concat(support, support along shot) over shot) over feature)"),
    fix: "Rename one of the axes (`x[feature as other]`), or reduce it first.",
  },
  FSL3003: {
    severity: "error",
    title: "two axes of one name",
    message: "the result would have two axes called `{axis}`",
    explanation: "Axes are told apart by their names only, so no value may have two axes of the same name.",
    example: metric("-squared_distance(query, support[shot as way] over feature)"),
    corrected: metric("-squared_distance(query, mean(support[shot as s] over s) over feature)"),
    fix: "Add a prime to one of them: `x[way']` renames it to way'.",
  },
  FSL3004: {
    severity: "error",
    title: "a value that is not a number",
    message: "{what} cannot be used in a calculation",
    explanation:
      "A `class` is a label, not a quantity. An `image` has no numbers until a backbone embeds it. Texts and declarations are not numbers either.",
    example: metric("label(way) * 2.0"),
    corrected: metric("sum(one_hot(label(way')) * 2.0 over way')"),
    fix: "Use `one_hot(y)` to turn a label into numbers. Embed images with `encoder(x, norm: …).vector`.",
  },
  FSL3005: {
    severity: "error",
    title: "a result of the wrong type",
    message: "`{entry}` must give {promised}, but it gives {found}",
    explanation:
      "The value of the body must have exactly the axes after the arrow. An extra axis was not reduced; a missing axis was reduced by mistake.",
    example: metric("-squared_distance(query, support over feature)"),
    corrected: metric("-squared_distance(query, mean(support over shot) over feature)"),
    fix: "Reduce the extra axes (`mean(x over shot)`), or keep the missing ones.",
  },
  FSL3006: {
    severity: "error",
    title: "a loss that is not a scalar",
    message: "a loss must be a scalar, but this is {found}",
    explanation:
      "A stage minimizes one number. The author has to say which mean or sum is meant; the compiler does not guess.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize w from mean(support over shot) by sgd(lr: 0.1) for 3 steps { w * w }\n    -squared_distance(query, w over feature)\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize w from mean(support over shot) by sgd(lr: 0.1) for 3 steps { mean(w * w over all) }\n    -squared_distance(query, w over feature)\n  }\n}",
    fix: "Write `mean(… over all)` or `sum(… over all)`.",
  },
  FSL3007: {
    severity: "error",
    title: "an unknown axis",
    message: "no axis `{axis}` is known here",
    explanation:
      "`size`, `label`, `eye`, `zeros` and `learn x [axis]` need an axis whose size is known: an axis of a parameter, of a merge, of a rename or of the episode.",
    example: metric("-squared_distance(query, mean(support over shot) over feature) / size(shoot)"),
    corrected: metric("-squared_distance(query, mean(support over shot) over feature) / size(shot)"),
    fix: "Name an axis that exists at this point. The help line suggests the nearest name.",
  },
  FSL3008: {
    severity: "error",
    title: "a value that is not known before the run",
    message: "{what} must be known before the run, but this is {found}",
    explanation:
      "Counts, sizes, arguments of layers and hyperparameters are fixed when the file is checked. The value of a tensor is known only during the run.",
    example: metric("top(query, mean(support over shot) over way as best)"),
    corrected: metric("sum(top(1, support over shot as best) over best, feature)"),
    fix: "Use a number, a parameter or `size(axis)`.",
  },
  FSL3009: {
    severity: "error",
    title: "a value of the wrong type",
    message: "{what} must be {expected}, but this is {found}",
    explanation:
      "Each argument and each line takes values of one type. Nothing is converted silently, except an int to a real.",
    example: 'fsl 1\nimport { conv64 } from "fsl:backbones"\nbackbone net = conv64(pools: "four")',
    corrected: 'fsl 1\nimport { conv64 } from "fsl:backbones"\nbackbone net = conv64(pools: 4)',
    fix: "Give a value of the type that the message names.",
  },
  FSL3010: {
    severity: "error",
    title: "a number with the wrong unit",
    message: "{what} must be given in {expected}, but this is {found}",
    explanation: "Units are part of a number: 5 shots are not 5 queries, and 100 epochs are not 100 steps.",
    example: "fsl 1\nepisode task(k: shot = 5 query) = 5 way, k, 15 query",
    corrected: "fsl 1\nepisode task(k: shot = 5 shot) = 5 way, k, 15 query",
    fix: "Write the number with the unit that is needed.",
  },
  FSL3011: {
    severity: "error",
    title: "an unknown unit",
    message: "`{unit}` is not a unit",
    explanation: "The units are way, shot, query, epoch, step, episode, image and part.",
    example: "fsl 1\nparam shots = 5 shoot",
    corrected: "fsl 1\nparam shots = 5 shot",
    fix: "Use one of the units, singular or plural.",
  },
  FSL3012: {
    severity: "error",
    title: "a value that is not a function",
    message: "{found} cannot be called",
    explanation:
      "You can call functions, learned modules, the encoder, heads and finished stages. Other values cannot be called.",
    example: metric("query(support)"),
    corrected: metric("dot(query, mean(support over shot) over feature)"),
    fix: "Call a function, or write an operator between the two values.",
  },
  FSL3013: {
    severity: "error",
    title: "axes that are not named",
    message: "{callee} needs {clause}",
    explanation: "A function never guesses the axes that it removes or makes. They have to be named.",
    example: metric("-squared_distance(query, mean(support))"),
    corrected: metric("-squared_distance(query, mean(support over shot) over feature)"),
    fix: "Add the clause, as the help line shows.",
  },
  FSL3014: {
    severity: "error",
    title: "a clause that a function does not take",
    message: "{callee} takes no `{clause}`",
    explanation:
      "`over`, `along` and `as` belong to the innermost open parenthesis, and only some functions take them.",
    example: metric("-squared_distance(exp(query over feature), mean(support over shot) over feature)"),
    corrected: metric("-squared_distance(exp(query), mean(support over shot) over feature)"),
    fix: "Remove it, or move it into the parenthesis that it is meant for.",
  },
  FSL3015: {
    severity: "error",
    title: "queries taken in order",
    message: "`{axis}` has no order that a method may use: {what}",
    explanation:
      "A transductive method sees its queries together and shuffled. It must not learn their order or their number in each class. So their axis has no labels and cannot be split, and neither can an axis on which they stand beside the supports.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], queries: vector [n]) transductive -> logits [n, way] {\n    -squared_distance(queries, mean(support over shot) over feature) + one_hot(label(n))[n' as way]\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], queries: vector [n]) transductive -> logits [n, way] {\n    -squared_distance(queries, mean(support over shot) over feature)\n  }\n}",
    fix: "Reduce over it (`mean(p over n)`), keep it as it is, or put it on an axis beside the supports (`concat(s, queries[n as node] along node)`).",
  },
  FSL3016: {
    severity: "error",
    title: "logits and probabilities mixed up",
    message: "`{entry}` must give {promised}, but this is {found}",
    explanation:
      "The default loss applies a softmax to logits, and a logarithm to probabilities. If one is taken for the other, the training runs but optimizes something else.",
    example: metric("softmax(-squared_distance(query, mean(support over shot) over feature) over way)"),
    corrected: metric("-squared_distance(query, mean(support over shot) over feature)"),
    fix: "Change the word after the arrow, or return what the word says.",
  },
  FSL3017: {
    severity: "error",
    title: "a condition that is not true or false",
    message: "a condition must be true or false, but this is {found}",
    explanation: "`if`, `until`, `and`, `or` and `not` take comparisons and bools. A number is neither.",
    example: metric("if size(shot) { sum(support over shot, feature) } else { sum(support over shot, feature) }"),
    corrected: metric("if size(shot) > 1 { sum(support over shot, feature) } else { sum(support over shot, feature) }"),
    fix: "Compare it: `size(shot) > 1`.",
  },
  FSL3018: {
    severity: "error",
    title: "labels that do not fit the scores",
    message: "these labels index `{axis}`, and {type} has no such axis",
    explanation:
      "`cross_entropy(z, y)` compares the scores along the axis that the labels index, and removes that axis.",
    example: metric("cross_entropy(mean(support over shot, way), label(way))"),
    corrected: metric(
      "cross_entropy(-squared_distance(mean(support over shot)[way'], mean(support over shot) over feature), label(way'))[way' as way]",
    ),
    fix: "Use labels of an axis that the scores have, or keep that axis in the scores.",
  },
  FSL3019: {
    severity: "error",
    title: "a value that is not a label",
    message: "{callee} needs labels (a `class` value), but this is {found}",
    explanation: "Labels come from `label(axis)`, from the `y` of a loss, or from `argmax`.",
    example: metric("one_hot(query)"),
    corrected: metric("sum(one_hot(label(way')) over way')"),
    fix: "Make labels with `label(axis)`.",
  },
  FSL3020: {
    severity: "error",
    title: "more elements than an axis has",
    message: "`{axis}` has {size} elements, but {count} are needed",
    explanation: "`top(k, x over axis)` takes the k largest elements along an axis, so the axis must have at least k.",
    example:
      'fsl 1\nimport { emoji } from "fsl:datasets"\nimport { conv64 } from "fsl:backbones"\n// top(9, x over way as best) in a 5-way task',
    corrected:
      'fsl 1\nimport { emoji } from "fsl:datasets"\nimport { conv64 } from "fsl:backbones"\n// top(3, x over way as best) in a 5-way task',
    fix: "Ask for fewer elements, or take `size(axis)` of them.",
  },
  FSL3021: {
    severity: "error",
    title: "a batch norm without a mode",
    message: "say which statistics batch norm uses in this call",
    explanation:
      "A network that is called in a body can normalize by the images of this call (`norm: batch`), by its running statistics (`norm: running`), or by the statistics of another value (`norm: from(y)`). The results differ, so the call has to say which one it uses.",
    example:
      'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\npretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 2 epochs, 64 images per step, drop last\n  loss(x: image [item], y: class [item]) { mean(cross_entropy(head(encoder(x).vector), y) over all) }\n}',
    corrected:
      'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\npretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 2 epochs, 64 images per step, drop last\n  loss(x: image [item], y: class [item]) { mean(cross_entropy(head(encoder(x, norm: batch).vector), y) over all) }\n}',
    fix: "Write `encoder(x, norm: batch)`, `norm: running` or `norm: from(y)`.",
  },
  FSL3022: {
    severity: "error",
    title: "batch statistics of the queries",
    message: "batch statistics of the queries make this method transductive",
    explanation: "With batch statistics, every query influences the others. An inductive method must not allow this.",
    example:
      "fsl 1\nmetric m {\n  classify(encoder, support: image [way, shot], query: image) -> logits [way] {\n    -squared_distance(encoder(query, norm: batch).vector, mean(encoder(support, norm: batch).vector over shot) over feature)\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  classify(encoder, support: image [way, shot], query: image) -> logits [way] {\n    -squared_distance(encoder(query, norm: from(support)).vector, mean(encoder(support, norm: batch).vector over shot) over feature)\n  }\n}",
    fix: "Write `norm: from(support)` or `norm: running`, or take `queries: image [n]` and say `transductive`.",
  },
  FSL3023: {
    severity: "error",
    title: "an entry that is neither inductive nor transductive",
    message: "{what}",
    explanation:
      "An inductive `classify` takes one `query` and gives `[way]`. A transductive one, `classify(…, queries: vector [n]) transductive -> logits [n, way]`, sees the queries together. Its results are marked as transductive.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], queries: vector [n]) -> logits [n, way] {\n    -squared_distance(queries, mean(support over shot) over feature)\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], queries: vector [n]) transductive -> logits [n, way] {\n    -squared_distance(queries, mean(support over shot) over feature)\n  }\n}",
    fix: "Write `transductive` and take `queries: … [n]`, or take one `query`.",
  },
  FSL3024: {
    severity: "error",
    title: "an invalid entry",
    message: "{what}",
    explanation:
      "A metric has one `classify` entry, which gives logits or probabilities, and any number of entries that give a `loss`. Their parameters are supports, queries, labels and the encoder.",
    example: "fsl 1\nmetric m {\n  learn a = 1.0\n}",
    corrected:
      "fsl 1\nmetric m {\n  learn a = 1.0\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    -a * squared_distance(query, mean(support over shot) over feature)\n  }\n}",
    fix: "Write `classify(support: vector [way, shot], query: vector) -> logits [way] { … }`.",
  },
  FSL3025: {
    severity: "error",
    title: "an unknown type",
    message: "`{type}` is not a type here",
    explanation:
      "The types of parameters are int, real, bool, text, list, one_of(…), backbone, metric, fn(…) and the units. The types of values of an entry are vector, map, image and class.",
    example: "fsl 1\nparam shots: shott = 5 shot",
    corrected: "fsl 1\nparam shots: shot = 5 shot",
    fix: "Use one of the types.",
  },
  FSL3026: {
    severity: "error",
    title: "an output that is not named",
    message: "{object} has the outputs {outputs}: name one of them",
    explanation: "A backbone has several named outputs, and the body has to say which one it uses.",
    example:
      'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\npretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 2 epochs, 64 images per step, drop last\n  loss(x: image [item], y: class [item]) { mean(cross_entropy(head(encoder(x, norm: batch)), y) over all) }\n}',
    corrected:
      'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\npretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  optimizer sgd(lr: 0.1)\n  for 2 epochs, 64 images per step, drop last\n  loss(x: image [item], y: class [item]) { mean(cross_entropy(head(encoder(x, norm: batch).vector), y) over all) }\n}',
    fix: "Write `.vector` or `.map` after the call.",
  },
  FSL3027: {
    severity: "error",
    title: "a loop whose values change their type",
    message: "`{name}` starts as {start} and becomes {next}",
    explanation: "A value that a `repeat` carries must have the same axes in every round.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    repeat 3 from u = mean(support over shot) { sum(u over feature) }\n    u\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    repeat 3 from u = mean(support over shot) { u / 2.0 }\n    -squared_distance(query, u over feature)\n  }\n}",
    fix: "Return a value with the axes of the starting value.",
  },
  FSL3028: {
    severity: "error",
    title: "logits over different classes",
    message: "scores over the classes of `{left}` cannot be combined with scores over the classes of `{right}`",
    explanation: "Class 3 of one data set is not class 3 of another. Scores over different classes cannot be combined.",
    example:
      "fsl 1\n// teacher was pretrained on birds.train, student on cars.train:\n// distill(head(x), teacher(x), temperature: 4.0 over class)",
    corrected:
      "fsl 1\n// teacher and student were both pretrained on birds.train:\n// distill(head(x), teacher(x), temperature: 4.0 over class)",
    fix: "Use stages that were trained on the same split.",
  },
  FSL3029: {
    severity: "error",
    title: "a wrong `minimize`",
    message: "{what}",
    explanation:
      "`minimize` uses sgd(lr: …), adam(lr: …) or lbfgs(tolerance: …), for a number of steps. A setting is one number, or has axes of the tensor that it applies to. At least one value must change.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize w from mean(support over shot) by newton() for 3 steps { sum(w * w over all) }\n    -squared_distance(query, w over feature)\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize w from mean(support over shot) by sgd(lr: 0.01) for 3 steps { sum(w * w over all) }\n    -squared_distance(query, w over feature)\n  }\n}",
    fix: "Write `by sgd(lr: 0.01) for 5 steps`.",
  },
  FSL3030: {
    severity: "error",
    title: "functions that unfold too far",
    message: "inlining {callee} would make more than {most} calls",
    explanation:
      "Functions are inlined at each call. If one function calls another twice, and that one calls a third twice, the number of calls doubles at each level.",
    example: "fsl 1\nfn f0(x) { x + x }\nfn f1(x) { f0(x) + f0(x) }\n// … to f15, and a metric that calls f15",
    corrected:
      "fsl 1\nfn f0(x) { x + x }\nfn f1(x) { let y = f0(x)\n  y + y }\n// … to f15, and a metric that calls f15",
    fix: "Give the intermediate value a name with `let` and use the name twice.",
  },
  FSL3031: {
    severity: "error",
    title: "labels along an axis that the scores lack",
    message: "these labels go along `{axis}`, and {type} has no such axis",
    explanation:
      "`cross_entropy(z, y)` takes one label for each row of scores. If the scores lack an axis of the labels, each row of scores would be compared with every label along that axis.",
    example: metric(
      "sum(query over feature) - mean(cross_entropy(dot(support, query over feature), label(way')) over way', shot)",
    ),
    corrected: metric(
      "-squared_distance(query, mean(support over shot) over feature) - mean(cross_entropy(dot(support[way'], mean(support over shot) over feature), label(way')) over way', shot)",
    ),
    fix: "Give the scores the axis of the labels. If the labels are `label(way')`, compute the scores from `x[way']`.",
  },
  FSL3032: {
    severity: "error",
    title: "a loss that does not use the adapted value",
    message: "`{name}` would not change: the loss does not use it",
    explanation:
      "`minimize w from start … { loss }` moves w along the negative gradient of the loss. The gradient is zero if the loss does not use w. Often the loss uses the starting value by mistake.",
    example:
      "fsl 1\nmetric m {\n  learn head = linear(way)\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize top from head by sgd(lr: 0.01) for 5 steps {\n      mean(cross_entropy(head(support[way']), label(way')) over all)\n    }\n    top(query)\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  learn head = linear(way)\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize top from head by sgd(lr: 0.01) for 5 steps {\n      mean(cross_entropy(top(support[way']), label(way')) over all)\n    }\n    top(query)\n  }\n}",
    fix: "Use the adapted name in the loss, or leave it out of `minimize`.",
  },
  FSL3033: {
    severity: "error",
    title: "a constant sum of probabilities",
    message: "the {op} of these probabilities over {axes} is always the same",
    explanation:
      "A softmax sums to 1 over its axes. Summing over all of these axes again gives a constant, from which nothing can be learned.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> probabilities [way] {\n    sum(softmax(dot(query, support over feature) over shot) over shot)\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> probabilities [way] {\n    sum(softmax(dot(query, support over feature) over way, shot) over shot)\n  }\n}",
    fix: "Take the softmax over the axes that compete (`over way, shot`), or reduce over another axis.",
  },
  FSL3034: {
    severity: "warning",
    title: "an adapted value that is not used",
    message: "`{name}` is adapted, but nothing after it uses it",
    explanation:
      "The names that `minimize` binds hold its results. If the body goes on with the starting values, nothing was adapted.",
    example:
      "fsl 1\nmetric m {\n  learn head = linear(way)\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize top from head by sgd(lr: 0.01) for 5 steps {\n      mean(cross_entropy(top(support[way']), label(way')) over all)\n    }\n    head(query)\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  learn head = linear(way)\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize top from head by sgd(lr: 0.01) for 5 steps {\n      mean(cross_entropy(top(support[way']), label(way')) over all)\n    }\n    top(query)\n  }\n}",
    fix: "Use the adapted name after `minimize`, or leave it out.",
  },
  FSL3035: {
    severity: "error",
    title: "a value like weights in the wrong place",
    message: "`{name}` has one value for each weight of a network: {why}",
    explanation:
      "`learn rate like encoder, head` holds one value for each weight of these networks. It can be used only as a setting of a `minimize` that adapts these networks: each weight uses its own value.",
    example:
      "fsl 1\nmetric m {\n  learn head = linear(way)\n  learn rate like head = 0.1\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize top from head by sgd(lr: rate) for 1 step {\n      mean(cross_entropy(top(support[way']), label(way')) over all)\n    }\n    top(query) * rate\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  learn head = linear(way)\n  learn rate like head = 0.1\n  learn scale = 1.0\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize top from head by sgd(lr: rate) for 1 step {\n      mean(cross_entropy(top(support[way']), label(way')) over all)\n    }\n    top(query) * scale\n  }\n}",
    fix: "Name every adapted network after `like`. For other uses, declare a separate `learn`.",
  },
  FSL3036: {
    severity: "error",
    title: "a fit that uses a learned value",
    message: "the fit `{name}` uses `{read}`, which is learned",
    explanation:
      "A `fit` is a constant of the base data. It is computed once before any training, from the embeddings and from the fits above it. A learned value changes during training. The networks of finished stages cannot be called there either.",
    example:
      "fsl 1\nmetric m {\n  learn scale = 1.0\n  fit mu: vector from x: vector [item] { scale * mean(x over item) }\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    -squared_distance(query - mu, mean(support over shot) - mu over feature)\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  learn scale = 1.0\n  fit mu: vector from x: vector [item] { mean(x over item) }\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    -scale * squared_distance(query - mu, mean(support over shot) - mu over feature)\n  }\n}",
    fix: "Compute the fit without the learned value, and apply that value in the entries: `scale * mu`.",
  },
  FSL3040: {
    severity: "error",
    title: "a random draw where none is said",
    message: "{what}",
    explanation:
      "A loss may draw, for example which images are mixed and how much of each. If a method draws while it classifies, the score of a query is random. Then its `classify` must say `random`, and its results are marked as sampled.",
    example: metric("sum(query over feature) * uniform() + sum(support over shot, feature)"),
    corrected: metric("sum(query over feature) + sum(support over shot, feature)"),
    fix: "Draw in the `loss` of a stage or in a loss entry of a metric, or write `random` after the parameters of `classify`.",
  },
  FSL3051: {
    severity: "error",
    title: "a size where none belongs",
    message: "no size may be written for `{axis}` here: {why}",
    explanation:
      "A size stands beside an axis where a value with an axis of its own is made: `learn A [slot: 8]`, `zeros(slot: 8)`, `split(x, feature as [head: 4, d])`. The sizes of the axes of an episode or of an encoder are given, and other functions take the sizes of their values.",
    example: metric("sum(zeros(way: 5, feature) + query over feature) + 0 * sum(support over shot, feature)"),
    corrected: metric("sum(zeros(way, feature) + query over feature) + 0 * sum(support over shot, feature)"),
    fix: "Leave the size out, or give the axis another name.",
  },
  FSL3052: {
    severity: "error",
    title: "an axis that does not divide",
    message: "`{axis}` has {size} elements, which cannot be split into {parts} × a whole number",
    explanation:
      "`split(x, feature as [head: 4, d])` takes an axis apart. The sizes of the parts multiply to the size of the axis.",
    example:
      'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\nepisode task = 5 way, 1 shot, 3 query\nmetric heads {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    let q = split(query, feature as [head: 7, d])\n    let s = split(mean(support over shot), feature as [head: 7, d])\n    mean(dot(q, s over d) over head)\n  }\n}\nevaluate e {\n  encoder untrained conv64  metric heads\n  episodes task from emoji.test, 10 episodes  report accuracy\n}',
    corrected:
      'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\nepisode task = 5 way, 1 shot, 3 query\nmetric heads {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    let q = split(query, feature as [head: 8, d])\n    let s = split(mean(support over shot), feature as [head: 8, d])\n    mean(dot(q, s over d) over head)\n  }\n}\nevaluate e {\n  encoder untrained conv64  metric heads\n  episodes task from emoji.test, 10 episodes  report accuracy\n}',
    fix: "Take a size that divides the axis.",
  },
  FSL3054: {
    severity: "error",
    title: "a slope in no value",
    message: "there is no slope in this value: {why}",
    explanation:
      "`slope(f, x)` is the derivative of the sum of f in x. x is the name of a parameter or of a `let`, and f is computed from it by expressions, functions and networks.",
    example: metric(
      "let d = squared_distance(query, mean(support over shot) over feature)\n    sum(slope(d, 2 * query) over feature) - d",
    ),
    corrected: metric(
      "let d = squared_distance(query, mean(support over shot) over feature)\n    sum(slope(d, query) over feature) - d",
    ),
    fix: "Name the value with `let`, compute f from this name, and then take the slope.",
  },
  FSL3053: {
    severity: "error",
    title: "a value that cannot be trained or fixed so",
    message: "`{name}` cannot be declared so: {why}",
    explanation:
      "`learn` declares a value that is trained, and `fixed` one that is drawn once, stored with the weights and never changed: random projections, signs, or labels that sort channels into bins.",
    example:
      "fsl 1\nmetric m {\n  learn bin [feature] = labels(sketch: 64)\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    let q = sum(query by bin over feature)\n    -squared_distance(q, sum(mean(support over shot) by bin over feature) over sketch)\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  fixed bin [feature] = labels(sketch: 64)\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    let q = sum(query by bin over feature)\n    -squared_distance(q, sum(mean(support over shot) by bin over feature) over sketch)\n  }\n}",
    fix: "Use `learn` for what is trained, and `fixed` without `positive` and `like` for what is not.",
  },
});
