/** `--emit tensor:PASS`: the tensor programs after an optimization pass, or what every pass did to them. */
import { cost } from "../compiler/tensor/cost.js";
import type { Program } from "../compiler/tensor/ir.js";
import { type OptimizationTrace, traceOptimizations } from "../compiler/tensor/passes/optimize.js";
import { print } from "../compiler/tensor/print.js";
import { reachable } from "../compiler/tensor/walk.js";
import { UsageError } from "./usage-error.js";
import { bytes, plural } from "./view/format.js";

/** The program before and after each sweep of the rewrite rules, in order. */
interface PassResult {
  readonly pass: string;
  readonly program: Program;
  /** The number of nodes that each rule replaced in this pass, by the name of the rule. */
  readonly applied: ReadonlyMap<string, number>;
}

/**
 * Returns the programs that `lower` makes as they are after `pass`. A program that has fewer passes is shown after its
 * last one. `passes` shows no programs but the passes themselves, with sizes and rules.
 *
 * @throws UsageError if `pass` names no pass of these programs.
 */
export function emitPass(
  pass: string,
  lower: () => readonly Program[],
  source: (file: string) => string | undefined,
): string {
  const { value: programs, traces } = traceOptimizations(lower);
  const results = programs.map((program) => passResults(traces.get(program) ?? { lowered: program, sweeps: [] }));
  if (pass === "passes") return `${results.map(summary).join("\n\n")}\n`;
  const longest = results.reduce<readonly PassResult[]>((a, b) => (b.length > a.length ? b : a), []);
  const at = longest.findIndex((result) => result.pass === pass);
  if (at === -1) {
    const names = [...longest.map((result) => result.pass), "passes"];
    throw new UsageError(`there is no pass \`${pass}\` to emit; there are ${names.join(", ")}`);
  }
  const texts = results.flatMap((passes) => {
    const result = passes[Math.min(at, passes.length - 1)];
    return result === undefined
      ? []
      : [`// ${result.pass}: ${sizes(result.program)}\n${print(result.program, { source })}`];
  });
  return `${texts.join("\n\n")}\n`;
}

function passResults({ lowered, sweeps }: OptimizationTrace): PassResult[] {
  return [
    { pass: "lowered", program: lowered, applied: new Map() },
    ...sweeps.map(({ program, applied }, i) => ({ pass: `after-sweep-${i + 1}`, program, applied })),
  ];
}

/** One line for each pass of a program, and one for each rule that the pass applied. */
function summary(passes: readonly PassResult[]): string {
  const lines = passes.flatMap(({ pass, program, applied }) => [
    `  ${pass.padEnd(14)} ${sizes(program)}`,
    ...[...applied].map(([rule, times]) => `    ${String(times).padStart(6)} × ${rule}`),
  ]);
  return [`program ${passes[0]?.program.name ?? ""}`, ...lines].join("\n");
}

function sizes(program: Program): string {
  const nodes = reachable(program.outputs.map(({ node }) => node)).length;
  const { bytes: moved, peakBytes } = cost(program);
  return `${plural(nodes, "node")}, ${bytes(moved)} read and written, ${bytes(peakBytes)} at the peak`;
}
