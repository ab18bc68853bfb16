/** Codes FSL2001–FSL2999: files, imports, names and parameters. */
import { codes } from "../code.js";

export const namesCodes = codes({
  FSL2001: {
    severity: "error",
    title: "an unknown name",
    message: "nothing is called `{name}` here",
    explanation:
      "A name must be declared in this file or imported, be a parameter or a `let` of the definition around it, or be built in.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    -squared_distance(qeury, mean(support over shot) over feature)\n  }\n}",
    corrected:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    -squared_distance(query, mean(support over shot) over feature)\n  }\n}",
    fix: 'Correct the spelling, declare the name, or import it: `import { prototypes } from "fsl:metrics"`.',
  },
  FSL2002: {
    severity: "error",
    title: "an import that is not found",
    message: "there is no file `{specifier}` to import from",
    explanation:
      "An import names a file relative to its own file (`./nets.fsl`), or a file of the library (`fsl:metrics`).",
    example: 'fsl 1\nimport { net } from "./nowhere.fsl"',
    corrected: 'fsl 1\nimport { conv64 } from "fsl:backbones"',
    fix: "Correct the path. Library files are fsl:backbones, fsl:metrics, fsl:meta, fsl:finetuning, fsl:transductive, fsl:zero-shot, fsl:fine-grained, fsl:generated, fsl:pooling, fsl:datasets, fsl:episodes and fsl:functions.",
  },
  FSL2003: {
    severity: "error",
    title: "no such name in the imported file",
    message: "`{file}` declares no `{name}`",
    explanation: "From a file you can import only the names that this file declares itself.",
    example: 'fsl 1\nimport { protoypes } from "fsl:metrics"',
    corrected: 'fsl 1\nimport { prototypes } from "fsl:metrics"',
    fix: "Correct the spelling, or declare the name in the file.",
  },
  FSL2004: {
    severity: "error",
    title: "an import cycle",
    message: "these files import each other: {chain}",
    explanation:
      "A file is checked after the files that it imports. So no file may import itself, directly or through other files.",
    example: '// a.fsl\nfsl 1\nimport { y } from "./b.fsl"\n// b.fsl\nfsl 1\nimport { x } from "./a.fsl"',
    fix: "Move what both need into a third file that both import.",
  },
  FSL2005: {
    severity: "error",
    title: "a private name",
    message: "`{name}` is private to `{file}`",
    explanation: "A name that begins with an underscore can be used only in its own file.",
    example: 'fsl 1\nimport { _half } from "./nets.fsl"',
    corrected: 'fsl 1\nimport { half } from "./nets.fsl"',
    fix: "Remove the underscore from its declaration if other files are meant to use it.",
  },
  FSL2006: {
    severity: "error",
    title: "a name declared twice",
    message: "`{name}` is already declared",
    explanation: "A name must be unique in its file, parameter list or block.",
    example: "fsl 1\nparam shots = 5 shot\nparam shots = 1 shot",
    corrected: "fsl 1\nparam shots = 5 shot\nparam queries = 15 query",
    fix: "Rename one of the two.",
  },
  FSL2007: {
    severity: "warning",
    title: "an unused name",
    message: "`{name}` is never used",
    explanation:
      "An unused name is often a slip: another name was used in its place. A name that begins with an underscore gives no warning, and neither does a declaration that a parameter can take: beside `param method = prototypes`, `--set method=matching` may choose any other metric of the file.",
    example: "fsl 1\nfn half(x) {\n  let n = 2\n  x / 2\n}",
    corrected: "fsl 1\nfn half(x) {\n  let n = 2\n  x / n\n}",
    fix: "Use the name, delete it, or let it begin with an underscore.",
  },
  FSL2008: {
    severity: "warning",
    title: "a hidden name",
    message: "`{name}` hides another `{name}`",
    explanation:
      "If an inner name is the same as an outer one, the outer one cannot be reached. This is easily overlooked.",
    example: "fsl 1\nparam scale = 2.0\nfn f(x) { let scale = 3.0\n  scale * x }",
    corrected: "fsl 1\nparam scale = 2.0\nfn f(x) { let factor = 3.0\n  factor * x }",
    fix: "Choose another name for one of them.",
  },
  FSL2009: {
    severity: "warning",
    title: "no language version",
    message: "the file does not start with `fsl 1`",
    explanation:
      "The first line states the version of the grammar and of the library. The file then keeps its meaning in later versions of fslc.",
    example: "param shots = 5 shot",
    corrected: "fsl 1\nparam shots = 5 shot",
    fix: "Write `fsl 1` as the first line.",
  },
  FSL2010: {
    severity: "error",
    title: "an unsupported language version",
    message: "this file needs FSL {version}, but this fslc knows only FSL 1",
    explanation:
      "A file is read by the rules of the version on its first line. This compiler has only the rules of version 1.",
    example: "fsl 7",
    corrected: "fsl 1",
    fix: "Install an fslc that knows this version, or write `fsl 1`.",
  },
  FSL2011: {
    severity: "error",
    title: "no such parameter",
    message: "`{file}` has no parameter `{name}` to set",
    explanation:
      "`--set`, `--params` and `with (…)` give values to `param` lines. `--set` and `--params` work for the root file only, the file that you run.",
    example: "fsl 1\nparam shots = 5 shot\n// fslc check --set shot=1",
    corrected: "fsl 1\nparam shots = 5 shot\n// fslc check --set shots=1",
    fix: "Correct the name, or declare it: `param NAME = VALUE`.",
  },
  FSL2012: {
    severity: "error",
    title: "a parameter of the wrong type",
    message: "`{name}` is {expected}, and `{value}` is not",
    explanation:
      "A parameter has the type and the unit of its default value, or of the type that its declaration states. Every value given to it must have the same.",
    example: "fsl 1\nparam shots = 5 shot\n// fslc check --set shots=many",
    corrected: "fsl 1\nparam shots = 5 shot\n// fslc check --set shots=1",
    fix: "Give a value of that type. Plain numbers take the parameter's unit: `--set shots=1`.",
  },
  FSL2013: {
    severity: "error",
    title: "a parameter without a value",
    message: "`{name}` has no default value and was given none",
    explanation:
      "A parameter that is declared as `name: type` has no default value. It needs a value wherever the definition is used.",
    example: "fsl 1\nparam root: text",
    corrected: 'fsl 1\nparam root: text = "data/omniglot"',
    fix: "Give it a value (`name: …` at the use, `--set` for a parameter of the file), or give it a default value.",
  },
  FSL2014: {
    severity: "error",
    title: "an unknown argument",
    message: "{callee} has no parameter `{name}`",
    explanation: "A named argument must have the name of a parameter.",
    example: 'fsl 1\nimport { conv64 } from "fsl:backbones"\nbackbone net = conv64(pool: 3)',
    corrected: 'fsl 1\nimport { conv64 } from "fsl:backbones"\nbackbone net = conv64(pools: 3)',
    fix: "Correct the name. The help line lists the parameters.",
  },
  FSL2015: {
    severity: "error",
    title: "a wrong number of arguments",
    message: "{callee} takes {expected}, and {found} given",
    explanation: "Arguments fill the parameters in order, then by name. Each parameter takes one argument.",
    example: "fsl 1\nfn twice(x) { 2 * x }\nfn f(y) { twice(y, 3) }",
    corrected: "fsl 1\nfn twice(x) { 2 * x }\nfn f(y) { twice(y) }",
    fix: "Remove the extra argument, or name the parameter that it is meant for.",
  },
  FSL2016: {
    severity: "error",
    title: "an argument given twice",
    message: "`{name}` is given twice",
    explanation: "Each parameter takes one value.",
    example: "fsl 1\nfn twice(x) { 2 * x }\nfn f(y) { twice(y, x: y) }",
    corrected: "fsl 1\nfn twice(x) { 2 * x }\nfn f(y) { twice(y) }",
    fix: "Remove one of the two.",
  },
  FSL2017: {
    severity: "error",
    title: "an unknown member",
    message: "{object} has no `{member}`",
    explanation:
      "After a dot there must be a split of a dataset (train, val, test), a slot of a stage (encoder, head, metric), an output of a backbone (vector, map), or `before` after a value that a `repeat` carries.",
    example: 'fsl 1\nimport { emoji } from "fsl:datasets"\npretrain p { data emoji.tset }',
    corrected: 'fsl 1\nimport { emoji } from "fsl:datasets"\npretrain p { data emoji.train }',
    fix: "Correct the spelling. The help line lists the members.",
  },
  FSL2018: {
    severity: "error",
    title: "a definition that uses itself",
    message: "`{name}` uses itself in its definition",
    explanation:
      "Functions are inlined where they are used, and declarations are computed before a run. Neither may contain itself.",
    example:
      "fsl 1\nfn f(x) { f(x) }\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    -squared_distance(f(query), mean(support over shot) over feature)\n  }\n}",
    corrected:
      "fsl 1\nfn f(x) { 2 * x }\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    -squared_distance(f(query), mean(support over shot) over feature)\n  }\n}",
    fix: "Write a loop (`repeat 20 from u = x { … }`), or remove the use of the name in its own definition.",
  },
  FSL2019: {
    severity: "error",
    title: "the wrong kind of thing",
    message: "this must be {needed}, but it is {found}",
    explanation:
      "Each place of a file takes one kind of thing. For example, a slot takes a backbone or the slot of a stage, and a `data` line takes a split.",
    example:
      'fsl 1\nimport { emoji } from "fsl:datasets"\nimport { prototypes } from "fsl:metrics"\npretrain p { data prototypes }',
    corrected:
      'fsl 1\nimport { emoji } from "fsl:datasets"\nimport { prototypes } from "fsl:metrics"\npretrain p { data emoji.train }',
    fix: "Write the name of something that has the kind that is needed.",
  },
  FSL2020: {
    severity: "error",
    title: "imports or declarations without end",
    message: "this experiment has {what}",
    explanation:
      "Imports may nest 100 deep, declarations may need each other in chains of 200, and a file counts again for each import with other values. Files that a person writes are far from these limits.",
    example: 'fsl 1\nimport { a } from "./twice.fsl" with (x: 1)\nimport { a as b } from "./twice.fsl" with (x: 2)',
    corrected: 'fsl 1\nimport { a } from "./twice.fsl" with (x: 1)',
    fix: "Import the files that are needed directly, and declare what is used in fewer steps.",
  },
  FSL2021: {
    severity: "error",
    title: "a sweep that cannot be used",
    message: "`sweep {name}` {why}",
    explanation:
      "A `sweep` line gives the values of one parameter, or the seeds, of a run of several variants. A value that is given twice would be the same variant twice, and two lines of one name contradict each other.",
    example: "fsl 1\nparam shots = 1 shot\nsweep shots = 1 shot, 1 shot\nepisode task = 5 way, shots, 3 query",
    corrected: "fsl 1\nparam shots = 1 shot\nsweep shots = 1 shot, 5 shot\nepisode task = 5 way, shots, 3 query",
    fix: "Write one line for each parameter with each value once. Seeds are whole numbers from 0 on: `sweep seed = 0, 1, 2`.",
  },
});
