/**
 * The rooms of the source, from the ground floor up, and which rooms each may import beside itself. A new arrow is a decision: it is
 * written down here, and docs/architecture.md says what each room does.
 */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  "src/common": [],
  grammar: [],
  "src/compiler/diagnostics": ["src/common", "grammar"],
  "src/compiler/typed": ["src/common", "grammar"],

  // The checker, zone by zone.
  "src/compiler/check/core": ["src/common", "grammar", "src/compiler/diagnostics", "src/compiler/typed"],
  "src/compiler/check/expressions": ["src/common", "grammar", "src/compiler/typed", "src/compiler/check/core"],
  "src/compiler/check/networks": [
    "src/common",
    "grammar",
    "src/compiler/typed",
    "src/compiler/check/core",
    "src/compiler/check/expressions",
  ],
  "src/compiler/check/metrics": [
    "src/common",
    "grammar",
    "src/compiler/typed",
    "src/compiler/check/core",
    "src/compiler/check/expressions",
    "src/compiler/check/networks",
  ],
  "src/compiler/check/data": [
    "src/common",
    "grammar",
    "src/compiler/typed",
    "src/compiler/check/core",
    "src/compiler/check/expressions",
  ],
  "src/compiler/check/stages": [
    "src/common",
    "grammar",
    "src/compiler/diagnostics",
    "src/compiler/typed",
    "src/compiler/check/core",
    "src/compiler/check/expressions",
    "src/compiler/check/networks",
    "src/compiler/check/metrics",
    "src/compiler/check/data",
  ],
  "src/compiler/resolve": [
    "src/common",
    "grammar",
    "src/compiler/diagnostics",
    "src/compiler/typed",
    "src/compiler/check/core",
    "src/compiler/check/expressions",
    "src/compiler/check/stages",
  ],
  "src/compiler/compile.ts": [
    "grammar",
    "src/compiler/diagnostics",
    "src/compiler/typed",
    "src/compiler/check/core",
    "src/compiler/check/stages",
    "src/compiler/resolve",
  ],

  "src/compiler/tensor": ["src/common", "grammar"],
  "src/compiler/lower": ["src/common", "src/compiler/typed", "src/compiler/tensor"],
  "src/compiler/stages": ["src/common", "src/compiler/typed", "src/compiler/tensor", "src/compiler/lower"],

  "src/runtime/system": ["src/compiler/diagnostics"],
  "src/runtime/engines": ["src/common", "src/compiler/diagnostics", "src/compiler/tensor", "src/runtime/system"],
  "src/runtime/events": [
    "grammar",
    "src/compiler/diagnostics",
    "src/compiler/typed",
    "src/runtime/system",
    "src/runtime/engines",
  ],
  "src/runtime/data": ["src/common", "src/compiler/diagnostics", "src/compiler/typed", "src/runtime/system"],
  "src/runtime/store": [
    "src/compiler/diagnostics",
    "src/compiler/typed",
    "src/compiler/tensor",
    "src/compiler/stages",
    "src/runtime/system",
    "src/runtime/engines",
    "src/runtime/events",
    "src/runtime/data",
  ],
  "src/runtime/host": [
    "src/common",
    "grammar",
    "src/compiler/diagnostics",
    "src/compiler/typed",
    "src/compiler/compile.ts",
    "src/runtime/system",
    "src/runtime/data",
    "src/runtime/store",
  ],
  "src/runtime/profile": [
    "grammar",
    "src/compiler/diagnostics",
    "src/compiler/tensor",
    "src/runtime/system",
    "src/runtime/engines",
  ],
  "src/runtime/stages": [
    "src/common",
    "src/compiler/diagnostics",
    "src/compiler/typed",
    "src/compiler/tensor",
    "src/compiler/lower",
    "src/compiler/stages",
    "src/runtime/system",
    "src/runtime/engines",
    "src/runtime/events",
    "src/runtime/data",
    "src/runtime/store",
    "src/runtime/profile",
  ],
  "src/runtime/worker": [
    "src/compiler/diagnostics",
    "src/runtime/system",
    "src/runtime/engines",
    "src/runtime/events",
    "src/runtime/stages",
  ],
  "src/runtime/scheduler": [
    "src/compiler/typed",
    "src/compiler/stages",
    "src/runtime/system",
    "src/runtime/events",
    "src/runtime/store",
    "src/runtime/host",
    "src/runtime/stages",
    "src/runtime/worker",
  ],
  "src/runtime/run": [
    "src/common",
    "src/compiler/diagnostics",
    "src/compiler/typed",
    "src/compiler/tensor",
    "src/compiler/stages",
    "src/runtime/system",
    "src/runtime/engines",
    "src/runtime/events",
    "src/runtime/data",
    "src/runtime/store",
    "src/runtime/worker",
    "src/runtime/scheduler",
  ],
  // Finished stages, used outside of runs.
  "src/runtime/deploy": [
    "src/common",
    "src/compiler/diagnostics",
    "src/compiler/typed",
    "src/compiler/lower",
    "src/compiler/stages",
    "src/runtime/system",
    "src/runtime/engines",
    "src/runtime/data",
    "src/runtime/store",
    "src/runtime/stages",
    "src/runtime/worker",
    "src/runtime/run",
  ],
  "src/index.ts": [
    "src/compiler/diagnostics",
    "src/compiler/typed",
    "src/compiler/stages",
    "src/runtime/system",
    "src/runtime/engines",
    "src/runtime/events",
    "src/runtime/host",
    "src/runtime/run",
  ],
  // The command line shows what the compiler and the runtime make; it drives no stage, worker or scheduler itself.
  "src/cli": [
    "src/common",
    "grammar",
    "src/compiler/diagnostics",
    "src/compiler/typed",
    "src/compiler/tensor",
    "src/compiler/lower",
    "src/compiler/stages",
    "src/runtime/system",
    "src/runtime/engines",
    "src/runtime/events",
    "src/runtime/data",
    "src/runtime/host",
    "src/runtime/profile",
    "src/runtime/stages",
    "src/runtime/scheduler",
    "src/runtime/run",
    "src/runtime/deploy",
  ],
  // The scripts of pages, which run in a browser. They know the data that a server sends, and nothing else.
  "src/pages": ["src/cli"],
};

/** The room of a file: the longest entry that its path starts with. */
export function roomOf(file: string): string | undefined {
  return Object.keys(rooms)
    .filter((room) => file === room || file.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0];
}

/** Files that import one another on purpose, and why: all that can recurse in the language recurses in the code that reads it. */
export const permittedCircles: readonly { readonly files: readonly string[]; readonly reason: string }[] = [
  {
    files: [
      "grammar/build/blocks.ts",
      "grammar/build/expressions.ts",
      "grammar/build/groups.ts",
      "grammar/build/layers.ts",
    ],
    reason: "an expression may hold a block, and a block holds expressions",
  },
  {
    files: [
      "src/compiler/check/expressions/arguments.ts",
      "src/compiler/check/expressions/blocks.ts",
      "src/compiler/check/expressions/builtin-calls.ts",
      "src/compiler/check/expressions/calls.ts",
      "src/compiler/check/expressions/evaluate.ts",
      "src/compiler/check/expressions/minimize-groups.ts",
      "src/compiler/check/expressions/minimize-methods.ts",
      "src/compiler/check/expressions/minimize.ts",
      "src/compiler/check/expressions/network-calls.ts",
      "src/compiler/check/expressions/norm-modes.ts",
      "src/compiler/check/expressions/repeat.ts",
    ],
    reason:
      "evaluating a call evaluates its arguments and inlines its block, whose loops and expressions are evaluated again",
  },
  {
    files: ["src/compiler/lower/block.ts", "src/compiler/lower/expressions.ts"],
    reason: "an expression may be the result of a block, and a block lowers expressions",
  },
];
