/** Makes the table of docs/engines.md: the kernels that each op of the IR becomes on each engine, from the programs that they run. */
import fc from "fast-check";
import type { OpName, Program } from "../../src/compiler/tensor/ir.js";
import { lowerProgram as onnx } from "../../src/runtime/engines/onnx/model.js";
import type { Kernels } from "../../src/runtime/engines/tensorflow/emitter.js";
import { lowerProgram as tensorflow } from "../../src/runtime/engines/tensorflow/program.js";
import { type Case, cases, opNames } from "../tensor/cases.js";
import { freshOps, programOf } from "../tensor/support.js";
import { toleranceOf, webgpuFactor } from "./tolerances.js";

/** Kernels that only rename, convert or move data, and do no arithmetic. */
const moves = new Set(
  "Identity Cast Reshape Transpose Expand BroadcastTo Unsqueeze Squeeze ExpandDims Fill Bitcast".split(" "),
);
const withOnednn: Kernels = { grouped: true, groupedGradients: true, poolsWithWorkspace: true };
const without: Kernels = { ...withOnednn, groupedGradients: false };

const engines: readonly (readonly [string, (program: Program) => readonly string[]])[] = [
  ["onnx, cpu", (program) => onnx(program, {}, { device: "cpu" }).nodes.map(({ op }) => op)],
  ["onnx, gpu", (program) => onnx(program, {}, { device: "gpu" }).nodes.map(({ op }) => op)],
  ["tensorflow", (program) => tensorflow(program, {}, withOnednn).steps.map(({ op }) => op)],
];

/** Describes one kernel by its name, several by their number and their names. */
function cell(kernels: readonly string[]): string {
  const working = kernels.filter((kernel) => !moves.has(kernel));
  const shown = working.length > 0 ? working : kernels.filter((kernel) => kernel !== "Identity").slice(0, 1);
  const kinds = [...new Set(shown)];
  const [only] = kinds;
  if (only === undefined) return "none";
  if (shown.length === 1) return `\`${only}\``;
  const names = kinds.slice(0, 4).map((kind) => `\`${kind}\``);
  return `${shown.length} kernels: ${names.join(", ")}${kinds.length > names.length ? ", …" : ""}`;
}

function programFor(it: Case): Program {
  const o = freshOps();
  const nodes = it.operands.map(({ shape, dtype }, place) => o.input(`x${place}`, shape, dtype));
  return programOf([it.build(o, nodes as never)], nodes);
}

/** Returns the use of an op for the table: of forty random uses, the largest that is not the identity by chance. */
function typical(op: OpName, fits: (program: Program) => boolean = () => true): Program {
  const size = (program: Program): number =>
    [...program.inputs, ...program.outputs].reduce((sum, { node }) => sum + node.shape.reduce((a, b) => a * b, 1), 0);
  const work = (program: Program): number => {
    const kernels = onnx(program).nodes.filter(({ op: kernel }) => kernel !== "Identity");
    return kernels.some(({ op: kernel }) => !moves.has(kernel)) ? 2 : Math.min(kernels.length, 1);
  };
  const [largest] = fc
    .sample(cases[op], { numRuns: 40, seed: 11 })
    .map(programFor)
    .filter((program) => fits(program) && program.outputs.every(({ node }) => node.op === op))
    .sort((a, b) => work(b) - work(a) || size(b) - size(a));
  if (largest === undefined) throw new Error(`no use of ${op} fits`);
  return largest;
}

const isReal = (op: OpName): boolean => typical(op).outputs.every(({ node }) => node.dtype === "f32");

const convolutions = ["conv2d", "conv2d_input_grad", "conv2d_filter_grad"] as const;
const grouped = (program: Program): boolean =>
  program.outputs.some(({ node }) => "groups" in node.attrs && node.attrs.groups > 1);
const whole = (program: Program): boolean => !grouped(program);
const isConvolution = (op: OpName): boolean => convolutions.some((name) => name === op);

export function engineTable(): string {
  const power = (tolerance: number): string => tolerance.toExponential();
  const row = (title: string, op: OpName, cells: readonly string[]): string => {
    const { forward, derivative } = toleranceOf(op);
    const tolerance = isReal(op) ? `${power(forward)}, ${power(derivative)}` : "exact";
    return `| ${title} | ${cells.join(" | ")} | ${tolerance} |`;
  };
  const rows = opNames
    .filter((op) => op !== "input" && op !== "const" && op !== "iota")
    .map((op) => {
      const program = typical(op, isConvolution(op) ? whole : undefined);
      return row(
        `\`${op}\``,
        op,
        engines.map(([, kernelsOf]) => cell(kernelsOf(program))),
      );
    });
  const inGroups = convolutions.map((op) => {
    const program = typical(op, grouped);
    const cells = engines.map(([, kernelsOf]) => cell(kernelsOf(program)));
    const alone = cell(tensorflow(program, {}, without).steps.map((step) => step.op));
    const last = cells.length - 1;
    if (alone !== cells[last]) cells[last] = `${cells[last]}; without oneDNN ${alone}`;
    return row(`\`${op}\`, in groups`, op, cells);
  });
  return [
    `| op | ${engines.map(([name]) => name).join(" | ")} | tolerance |`,
    `|---|${engines.map(() => "---").join("|")}|---|`,
    ...rows,
    ...inGroups,
    "",
    `Tolerance: of the result, and of its derivative, relative to the largest element (and 1); on \`gpu\` ${webgpuFactor} times as much.`,
  ].join("\n");
}
