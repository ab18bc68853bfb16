/** FSL3001–FSL3999: axes, types, units and expressions. */
import { codes } from "../code.js";

const metric = (body: string) =>
  `fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    ${body}\n  }\n}`;

export const typesCodes = codes({
  FSL3001: {
    severity: "error",
    title: "an axis that the value does not have",
    message: "there is no axis `{axis}` in {type}",
    explanation: "A reduction, contraction, rename or merge names axes of its value. This one has none of that name.",
    example: metric("-squared_distance(query, mean(support over shots) over feature)"),
    fix: "Name one of the axes that the value has; the message lists them.",
  },
  FSL3002: {
    severity: "error",
    title: "axes of unequal size",
    message: "`{axis}` is {left} on one side and {right} on the other",
    explanation:
      "Values align by the names of their axes, and equal names must have equal sizes: nothing is stretched silently.",
    example: metric("-squared_distance(query, concat(support, support along feature)[shot as s] over feature, s)"),
    fix: "Rename one of the axes (`x[feature as other]`), or reduce it first.",
  },
  FSL3003: {
    severity: "error",
    title: "two axes of one name",
    message: "the result would have two axes called `{axis}`",
    explanation: "Axes are told apart by their names alone, so no value may have two of one name.",
    example: metric("-squared_distance(query, support[shot as way] over feature)"),
    fix: "Prime one of them: `x[way']` calls it way'.",
  },
  FSL3004: {
    severity: "error",
    title: "not a number",
    message: "{what} cannot be calculated with",
    explanation:
      "A `class` is a label, not a quantity; an `image` is opaque until a backbone embeds it; texts and declarations are no numbers either.",
    example: metric("label(way) * 2.0"),
    fix: "Use `one_hot(y)` to make numbers of a label; embed images with `encoder(x, norm: …).vector`.",
  },
  FSL3005: {
    severity: "error",
    title: "the result is not what was promised",
    message: "`{entry}` promises {promised} and gives {found}",
    explanation:
      "The body's value must have exactly the axes after the arrow: one too many was not reduced, one missing was reduced by mistake.",
    example: metric("-squared_distance(query, support over feature)"),
    fix: "Reduce the extra axes (`mean(x over shot)`), or keep the missing ones.",
  },
  FSL3006: {
    severity: "error",
    title: "a loss that is not a scalar",
    message: "a loss must be a scalar, and this is {found}",
    explanation:
      "What a stage minimizes is one number. Which mean or sum is meant is the author's to say, never the compiler's.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize w from mean(support over shot) by sgd(lr: 0.1) for 3 steps { w * w }\n    -squared_distance(query, w over feature)\n  }\n}",
    fix: "Write `mean(… over all)` or `sum(… over all)`.",
  },
  FSL3007: {
    severity: "error",
    title: "unknown axis",
    message: "no axis `{axis}` is known here",
    explanation:
      "`size`, `label`, `eye`, `zeros` and `learn x [axis]` need an axis whose size is known: of a parameter, a merge, a rename or the episode.",
    example: metric("-squared_distance(query, mean(support over shot) over feature) / size(shoot)"),
    fix: "Name an axis that exists at this point; the help line has the nearest.",
  },
  FSL3008: {
    severity: "error",
    title: "not known before the run",
    message: "{what} must be known before anything runs, and this is {found}",
    explanation:
      "Counts, sizes, layer arguments and hyper-parameters are fixed when the file is checked; a tensor is only known during the run.",
    example: metric("top(query, mean(support over shot) over way as best)"),
    fix: "Use a number, a parameter or `size(axis)`.",
  },
  FSL3009: {
    severity: "error",
    title: "the wrong type",
    message: "{what} must be {expected}, and this is {found}",
    explanation:
      "Each argument and each line takes values of one type; nothing is converted silently, except an int where a real is wanted.",
    example: 'fsl 1\nimport { conv64 } from "fsl:backbones"\nbackbone net = conv64(pools: "four")',
    fix: "Give a value of the type that is named.",
  },
  FSL3010: {
    severity: "error",
    title: "the wrong unit",
    message: "{what} is counted in {expected}, and this is {found}",
    explanation: "Units are part of numbers: 5 shots are not 5 queries, and 100 epochs are not 100 steps.",
    example: "fsl 1\nepisode task = 5 way, 5 way, 15 query",
    fix: "Write the unit that is wanted.",
  },
  FSL3011: {
    severity: "error",
    title: "unknown unit",
    message: "`{unit}` is not a unit",
    explanation: "Numbers are counted in way, shot, query, epochs, steps, episodes or images.",
    example: "fsl 1\nparam shots = 5 shoot",
    fix: "Use one of the units (singular or plural).",
  },
  FSL3012: {
    severity: "error",
    title: "not a function",
    message: "{found} cannot be called",
    explanation: "Only functions, learned modules, the encoder, heads and finished stages can be applied to a value.",
    example: metric("query(support)"),
    fix: "Call a function, or write an operator between the two.",
  },
  FSL3013: {
    severity: "error",
    title: "the axes are not said",
    message: "{callee} needs {clause}",
    explanation: "What a function consumes or makes is named, never implied by position.",
    example: metric("-squared_distance(query, mean(support))"),
    fix: "Add the clause, as the help line shows.",
  },
  FSL3014: {
    severity: "error",
    title: "a clause that is not taken",
    message: "{callee} takes no `{clause}`",
    explanation: "`over`, `along` and `as` belong to the innermost open parenthesis, and not every function has them.",
    example: metric("-squared_distance(exp(query over feature), mean(support over shot) over feature)"),
    fix: "Remove it, or move it into the parenthesis it is meant for.",
  },
  FSL3015: {
    severity: "error",
    title: "the queries have no order",
    message: "`{axis}` is opaque: {what}",
    explanation:
      "A transductive method sees its queries together, shuffled, and must not learn their order or their number per class; so their axis has no labels and cannot be taken apart.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], queries: vector [n]) transductive -> logits [n, way] {\n    -squared_distance(queries, mean(support over shot) over feature) + one_hot(label(n))[n' as way]\n  }\n}",
    fix: "Reduce over it (`mean(p over n)`), or keep it as a batch axis.",
  },
  FSL3016: {
    severity: "error",
    title: "logits or probabilities",
    message: "`{entry}` promises {promised}, and this is {found}",
    explanation:
      "The default loss of logits takes their softmax first; of probabilities, their logarithm. Taking one for the other trains, but to something else.",
    example: metric("softmax(-squared_distance(query, mean(support over shot) over feature) over way)"),
    fix: "Change the word after the arrow, or return what it says.",
  },
  FSL3017: {
    severity: "error",
    title: "a condition that is not true or false",
    message: "a condition must be true or false, and this is {found}",
    explanation: "`if`, `until`, `and`, `or` and `not` take comparisons and bools; a number is neither.",
    example: metric("if size(shot) { sum(support over shot, feature) } else { sum(support over shot, feature) }"),
    fix: "Compare it: `size(shot) > 1`.",
  },
  FSL3018: {
    severity: "error",
    title: "labels do not fit the scores",
    message: "these labels index `{axis}`, and {type} has no such axis",
    explanation: "`cross_entropy(z, y)` compares scores along the axis that the labels index, and consumes it.",
    example: metric("cross_entropy(mean(support over shot, way), label(way))"),
    fix: "Use labels of an axis that the scores have, or keep that axis in the scores.",
  },
  FSL3019: {
    severity: "error",
    title: "not a label",
    message: "{callee} needs labels (a `class` value), and this is {found}",
    explanation: "Labels come from `label(axis)`, from the `y` of a loss, or from `argmax`.",
    example: metric("one_hot(query)"),
    fix: "Make labels with `label(axis)`.",
  },
  FSL3020: {
    severity: "error",
    title: "more than there are",
    message: "`{axis}` has {size}, and {count} are asked for",
    explanation: "`top(k, x over axis)` takes the k largest along an axis, so the axis must hold that many.",
    example:
      'fsl 1\nimport { emoji } from "fsl:datasets"\nimport { conv64 } from "fsl:backbones"\n// top(9, x over way as best) in a 5-way task',
    fix: "Ask for fewer, or take `size(axis)` of them.",
  },
  FSL3021: {
    severity: "error",
    title: "batch norm needs its mode",
    message: "say which statistics batch norm uses in this call",
    explanation:
      "A network called in a body may normalize by this call's images (`norm: batch`), by its running statistics (`norm: running`), or by another value's (`norm: from(y)`). They give different numbers, so it must be said.",
    example:
      'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\npretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  loss(x: image [item], y: class [item]) { mean(cross_entropy(head(encoder(x).vector), y) over all) }\n}',
    fix: "Write `encoder(x, norm: batch)`, `norm: running` or `norm: from(y)`.",
  },
  FSL3022: {
    severity: "error",
    title: "statistics of the queries",
    message: "batch statistics of the queries make this method transductive",
    explanation: "Batch statistics of queries let every query see the others, which an inductive method must not.",
    example:
      "fsl 1\nmetric m {\n  classify(encoder, support: image [way, shot], query: image) -> logits [way] {\n    -squared_distance(encoder(query, norm: batch).vector, mean(encoder(support, norm: batch).vector over shot) over feature)\n  }\n}",
    fix: "Write `norm: from(support)` or `norm: running`, or take `queries: image [n]` and say `transductive`.",
  },
  FSL3023: {
    severity: "error",
    title: "form and word disagree",
    message: "{what}",
    explanation:
      "An inductive `classify` takes one `query` and gives `[way]`. Only `classify(…, queries: vector [n]) transductive -> logits [n, way]` sees the queries together, and the word stays on the result.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], queries: vector [n]) -> logits [n, way] {\n    -squared_distance(queries, mean(support over shot) over feature)\n  }\n}",
    fix: "Write `transductive` and take `queries: … [n]`, or take one `query`.",
  },
  FSL3024: {
    severity: "error",
    title: "an entry that cannot be",
    message: "{what}",
    explanation:
      "A metric has one `classify` entry, which gives logits or probabilities, and any number of loss entries that give a `loss`. Parameters are supports, queries, labels and the encoder, each in its form.",
    example: "fsl 1\nmetric m {\n  learn a = 1.0\n}",
    fix: "See `classify(support: vector [way, shot], query: vector) -> logits [way] { … }`.",
  },
  FSL3025: {
    severity: "error",
    title: "unknown type",
    message: "`{type}` is not a type here",
    explanation:
      "Parameters are int, real, bool, text, list, one_of(…), backbone, metric, fn(…) or a unit count; values of an entry are vector, map, image or class.",
    example: "fsl 1\nparam shots: shott = 5 shot",
    fix: "Use one of the types.",
  },
  FSL3026: {
    severity: "error",
    title: "which output",
    message: "{object} has the outputs {outputs}: say which",
    explanation: "A backbone gives several named outputs; the body says which one it means.",
    example:
      'fsl 1\nimport { conv64 } from "fsl:backbones"\nimport { emoji } from "fsl:datasets"\npretrain p {\n  data emoji.train  encoder conv64  head linear(class)\n  loss(x: image [item], y: class [item]) { mean(cross_entropy(head(encoder(x, norm: batch)), y) over all) }\n}',
    fix: "Write `.vector` or `.map` after the call.",
  },
  FSL3027: {
    severity: "error",
    title: "a loop whose values change their type",
    message: "`{name}` starts as {start} and becomes {next}",
    explanation: "A value that a `repeat` carries keeps its axes from one round to the next.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    repeat 3 from u = mean(support over shot) { sum(u over feature) }\n    u\n  }\n}",
    fix: "Give back a value with the axes that it started with.",
  },
  FSL3028: {
    severity: "error",
    title: "logits over different classes",
    message: "these scores are over the classes of `{left}`, and those over the classes of `{right}`",
    explanation: "Class 3 of one data set is not class 3 of another: scores over different classes do not mix.",
    example:
      "fsl 1\n// teacher was pretrained on birds.train, student on cars.train:\n// distill(head(x), teacher(x), temperature: 4.0 over class)",
    fix: "Use stages that were trained on the same split.",
  },
  FSL3029: {
    severity: "error",
    title: "a method of minimisation",
    message: "{what}",
    explanation:
      "`minimize` works by sgd(lr: …), adam(lr: …) or lbfgs(tolerance: …), for a number of steps. A setting is one number, or has axes of the tensor that it is for; something has to move.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize w from mean(support over shot) by newton() for 3 steps { sum(w * w over all) }\n    -squared_distance(query, w over feature)\n  }\n}",
    fix: "Write `by sgd(lr: 0.01) for 5 steps`.",
  },
  FSL3030: {
    severity: "error",
    title: "functions that unfold too far",
    message: "inlining {callee} would make more than {most} calls",
    explanation:
      "Functions are inlined at each call. One that calls another twice, which calls a third twice, doubles with each level.",
    example: "fsl 1\nfn f0(x) { x + x }\nfn f1(x) { f0(x) + f0(x) }\n// … to f15, and a metric that calls f15",
    fix: "Name the intermediate value with `let` and use it twice.",
  },
  FSL3031: {
    severity: "error",
    title: "labels beside the scores",
    message: "these labels go along `{axis}`, and {type} has no such axis",
    explanation:
      "`cross_entropy(z, y)` takes a label for each row of scores. Where the scores lack an axis of the labels, each would be compared with every label along it.",
    example: metric(
      "sum(query over feature) - mean(cross_entropy(dot(support, query over feature), label(way')) over way', shot)",
    ),
    fix: "Give the scores the axis of the labels: score `x[way']` where the labels are `label(way')`.",
  },
  FSL3032: {
    severity: "error",
    title: "a loss that does not depend on what it adapts",
    message: "`{name}` would not move: the loss does not read it",
    explanation:
      "`minimize w from start … { loss }` moves w down the slope of the loss, which is zero where the loss is made of something else: often of what w started from.",
    example:
      "fsl 1\nmetric m {\n  learn head = linear(way)\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize top from head by sgd(lr: 0.01) for 5 steps {\n      mean(cross_entropy(head(support[way']), label(way')) over all)\n    }\n    top(query)\n  }\n}",
    fix: "Use the adapted name in the loss, or leave it out of `minimize`.",
  },
  FSL3033: {
    severity: "error",
    title: "a sum that is known before it is taken",
    message: "the {op} of probabilities over {axes} is the same whatever they are",
    explanation:
      "A softmax sums to 1 over its axes, so summing over all of them again gives a constant that nothing can be learned from.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> probabilities [way] {\n    sum(softmax(dot(query, support over feature) over shot) over shot)\n  }\n}",
    fix: "Take the softmax over the axes that compete (`over way, shot`), or reduce over another axis.",
  },
  FSL3034: {
    severity: "warning",
    title: "adapted and not used",
    message: "`{name}` is adapted, and what follows does not read it",
    explanation:
      "What `minimize` binds is there to be used after it. A body that goes on with what it started from has adapted nothing.",
    example:
      "fsl 1\nmetric m {\n  learn head = linear(way)\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize top from head by sgd(lr: 0.01) for 5 steps {\n      mean(cross_entropy(top(support[way']), label(way')) over all)\n    }\n    head(query)\n  }\n}",
    fix: "Use the adapted name after `minimize`, or leave it out.",
  },
  FSL3035: {
    severity: "error",
    title: "a value like weights, and no weight",
    message: "`{name}` has one value for each weight of a network: {why}",
    explanation:
      "`learn rate like encoder, head` holds a value for each weight of those networks. It can only be a setting of a `minimize` whose targets are those networks: each weight takes its own.",
    example:
      "fsl 1\nmetric m {\n  learn head = linear(way)\n  learn rate like head = 0.1\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    minimize top from head by sgd(lr: rate) for 1 step {\n      mean(cross_entropy(top(support[way']), label(way')) over all)\n    }\n    top(query) * rate\n  }\n}",
    fix: "Name every network that is adapted after `like`, or learn a value of its own for what is not a network's.",
  },
  FSL3036: {
    severity: "error",
    title: "a fit of what is learned",
    message: "the fit `{name}` reads `{read}`, which is learned",
    explanation:
      "A `fit` is a constant of the base data, computed once before anything trains: from the embeddings, and from the fits above it. What a `learn` holds has no value yet that would stay.",
    example:
      "fsl 1\nmetric m {\n  learn scale = 1.0\n  fit mu: vector from x: vector [item] { scale * mean(x over item) }\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    -squared_distance(query - mu, mean(support over shot) - mu over feature)\n  }\n}",
    fix: "Fit the value without it, and use what is learned in the entries: `scale * mu`.",
  },
  FSL3040: {
    severity: "error",
    title: "a draw outside training",
    message: "`{name}` draws anew at each step, and only training has steps",
    explanation:
      "Losses may draw: which images are mixed, and how much of each. A method that drew while it classifies would score each query by chance.",
    example: metric("sum(query over feature) * uniform() + sum(support over shot, feature)"),
    fix: "Draw in the `loss` of a stage or in a loss entry of a metric.",
  },
});
