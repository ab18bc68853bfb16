/** FSL2001–FSL2999: files, imports, names and parameters. */
import { codes } from "../code.js";

export const namesCodes = codes({
  FSL2001: {
    severity: "error",
    title: "unknown name",
    message: "nothing is called `{name}` here",
    explanation:
      "A name must be declared in this file, be imported, be a parameter or a `let` of the definition around it, or be built in.",
    example:
      "fsl 1\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] {\n    -squared_distance(qeury, mean(support over shot) over feature)\n  }\n}",
    fix: 'Correct the spelling, declare the name, or import it: `import { prototypes } from "fsl:metrics"`.',
  },
  FSL2002: {
    severity: "error",
    title: "import not found",
    message: "there is no file `{specifier}` to import from",
    explanation:
      "An import names a file relative to the one it stands in (`./nets.fsl`), or a file of the library (`fsl:metrics`).",
    example: 'fsl 1\nimport { net } from "./nowhere.fsl"',
    fix: "Correct the path. Library files are fsl:backbones, fsl:metrics, fsl:meta, fsl:finetuning, fsl:transductive, fsl:datasets, fsl:episodes and fsl:functions.",
  },
  FSL2003: {
    severity: "error",
    title: "no such name in the imported file",
    message: "`{file}` declares no `{name}`",
    explanation: "Only what an imported file declares itself can be imported from it.",
    example: 'fsl 1\nimport { protoypes } from "fsl:metrics"',
    fix: "Correct the spelling, or declare the name in the file.",
  },
  FSL2004: {
    severity: "error",
    title: "import cycle",
    message: "these files import each other: {chain}",
    explanation:
      "A file is checked after the files it imports, so no file may import itself, directly or through others.",
    example: '// a.fsl\nfsl 1\nimport { y } from "./b.fsl"\n// b.fsl\nfsl 1\nimport { x } from "./a.fsl"',
    fix: "Move what both need into a third file that both import.",
  },
  FSL2005: {
    severity: "error",
    title: "private name",
    message: "`{name}` is private to `{file}`",
    explanation: "A name that starts with an underscore belongs to its file alone.",
    example: 'fsl 1\nimport { _half } from "./nets.fsl"',
    fix: "Drop the underscore in its declaration if others are meant to use it.",
  },
  FSL2006: {
    severity: "error",
    title: "declared twice",
    message: "`{name}` is already declared",
    explanation: "Every name of a file, of a parameter list or of a block stands for one thing.",
    example: "fsl 1\nparam shots = 5 shot\nparam shots = 1 shot",
    fix: "Rename one of the two.",
  },
  FSL2007: {
    severity: "warning",
    title: "unused name",
    message: "`{name}` is never used",
    explanation:
      "A name that nothing uses is often a slip: the computation that should have used it used another. Names that start with an underscore are exempt.",
    example: "fsl 1\nparam shots = 5 shot\nepisode task = 5 way, 1 shot, 15 query",
    fix: "Use it, delete it, or start its name with an underscore.",
  },
  FSL2008: {
    severity: "warning",
    title: "shadowed name",
    message: "`{name}` hides another `{name}`",
    explanation: "An inner name that equals an outer one makes the outer one unreachable, which is easily overlooked.",
    example: "fsl 1\nparam scale = 2.0\nfn f(x) { let scale = 3.0\n  scale * x }",
    fix: "Choose another name for one of them.",
  },
  FSL2009: {
    severity: "warning",
    title: "no language version",
    message: "the file does not start with `fsl 1`",
    explanation:
      "The first line fixes the grammar and the library that the file means, so that it keeps its meaning later.",
    example: "param shots = 5 shot",
    fix: "Write `fsl 1` as the first line.",
  },
  FSL2010: {
    severity: "error",
    title: "unsupported language version",
    message: "this is FSL {version}, and this fslc knows FSL 1",
    explanation:
      "A file is read by the rules of the version on its first line; this compiler has only those of version 1.",
    example: "fsl 7",
    fix: "Install an fslc that knows this version, or write `fsl 1`.",
  },
  FSL2011: {
    severity: "error",
    title: "no such parameter",
    message: "`{file}` has no parameter `{name}` to set",
    explanation:
      "`--set`, `--params` and `with (…)` give values to `param` lines; `--set` and `--params` reach the root file only.",
    example: "fsl 1\nparam shots = 5 shot\n// fslc check --set shot=1",
    fix: "Correct the name, or declare it: `param NAME = VALUE`.",
  },
  FSL2012: {
    severity: "error",
    title: "a parameter of the wrong type",
    message: "`{name}` is {expected}, and `{value}` is not",
    explanation:
      "A parameter has the type (and unit) of its default value or of its annotation; every value given to it must fit.",
    example: "fsl 1\nparam shots = 5 shot\n// fslc check --set shots=many",
    fix: "Give a value of that type. Plain numbers take the parameter's unit: `--set shots=1`.",
  },
  FSL2013: {
    severity: "error",
    title: "a parameter without a value",
    message: "`{name}` has no default and was given no value",
    explanation: "A parameter declared as `name: type` alone must be given a value where the definition is used.",
    example: "fsl 1\nparam root: text",
    fix: "Pass it (`{name}: …` at the use, `--set` for a file's parameter), or give it a default.",
  },
  FSL2014: {
    severity: "error",
    title: "unknown argument",
    message: "{callee} has no parameter `{name}`",
    explanation: "An argument by name must name a parameter of what is called.",
    example: 'fsl 1\nimport { conv64 } from "fsl:backbones"\nbackbone net = conv64(pool: 3)',
    fix: "Correct the name; the help line lists the parameters.",
  },
  FSL2015: {
    severity: "error",
    title: "wrong number of arguments",
    message: "{callee} takes {expected}, and {found} given",
    explanation: "Arguments fill parameters in order, then by name; each parameter once.",
    example: "fsl 1\nfn twice(x) { 2 * x }\nfn f(y) { twice(y, 3) }",
    fix: "Remove the extra argument, or name the parameter it is meant for.",
  },
  FSL2016: {
    severity: "error",
    title: "argument given twice",
    message: "`{name}` is given twice",
    explanation: "Each parameter takes one value.",
    example: "fsl 1\nfn twice(x) { 2 * x }\nfn f(y) { twice(y, x: y) }",
    fix: "Remove one of the two.",
  },
  FSL2017: {
    severity: "error",
    title: "unknown member",
    message: "{object} has no `{member}`",
    explanation:
      "After a dot stands a split of a dataset (train, val, test), a slot of a stage (encoder, head, metric), an output of a backbone (vector, map) or `before` of a value that a `repeat` carries.",
    example: 'fsl 1\nimport { emoji } from "fsl:datasets"\npretrain p { data emoji.tset }',
    fix: "Correct the spelling; the help line lists what there is.",
  },
  FSL2018: {
    severity: "error",
    title: "a definition that needs itself",
    message: "`{name}` is defined by itself",
    explanation:
      "Functions are inlined where they are used, and declarations are computed before a run: neither may contain itself.",
    example:
      "fsl 1\nfn f(x) { f(x) }\nmetric m {\n  classify(support: vector [way, shot], query: vector) -> logits [way] { f(query) }\n}",
    fix: "Write a loop (`repeat 20 from u = x { … }`) or break the circle.",
  },
  FSL2019: {
    severity: "error",
    title: "the wrong kind of thing",
    message: "{needed} is needed here, and this is {found}",
    explanation:
      "Each place of a file takes one kind of thing: a slot a backbone or a stage's slot, a `data` line a split, and so on.",
    example:
      'fsl 1\nimport { emoji } from "fsl:datasets"\nimport { prototypes } from "fsl:metrics"\npretrain p { data prototypes }',
    fix: "Name something of the kind that is needed.",
  },
});
