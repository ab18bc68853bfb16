/** The cost of a program, from its shapes alone. */
import { decomposed, isComposite } from "./decompose.js";
import { Graph } from "./graph.js";
import type { CompositeName, Node, OpAttrs, PrimitiveName, Program } from "./ir.js";
import { Ops } from "./ops.js";
import { byteSize, peakBytes, schedule } from "./schedule.js";
import { elementCount, typeText } from "./shape.js";
import { reachable } from "./walk.js";

export interface Cost {
  /** Floating-point and integer operations. A multiply-add counts as two. */
  readonly flops: number;
  /** Bytes that nodes read and write, with each composite as one kernel: the least traffic of an engine that fuses nothing. */
  readonly bytes: number;
  /** The largest number of bytes alive at once in the order of `schedule`: inputs, constants and results. */
  readonly peakBytes: number;
  /** The number of f32 elements of weight and state inputs. In a training program this includes the states of the optimizer. */
  readonly parameters: number;
}

type FlopRule = (node: Node) => number;
const free: FlopRule = () => 0;
const perResult: FlopRule = (node) => elementCount(node.shape);
const perOperand: FlopRule = (node) => elementCount(operand(node, 0));
const operand = (node: Node, place: number): readonly number[] => node.inputs[place]?.shape ?? [];

/** Counts two operations for each multiply-add of a convolution: one for each result element and filter element. */
const convolution =
  (result: (node: Node) => readonly number[], filters: (node: Node) => readonly number[]): FlopRule =>
  (node) =>
    2 * elementCount(result(node)) * elementCount(filters(node).slice(1));
const window: FlopRule = (node) => {
  const { size } = node.attrs as OpAttrs["max_pool"];
  const pooled = Math.min(elementCount(node.shape), elementCount(operand(node, node.inputs.length - 1)));
  return pooled * size[0] * size[1];
};

const flops: Readonly<Record<PrimitiveName, FlopRule>> = {
  input: free,
  const: free,
  iota: free,
  neg: perResult,
  exp: perResult,
  log: perResult,
  sqrt: perResult,
  rsqrt: perResult,
  tanh: perResult,
  erf: perResult,
  abs: perResult,
  floor: perResult,
  not: perResult,
  add: perResult,
  sub: perResult,
  mul: perResult,
  div: perResult,
  max: perResult,
  min: perResult,
  pow: perResult,
  and: perResult,
  or: perResult,
  xor: perResult,
  shl: perResult,
  shr: perResult,
  compare: perResult,
  select: perResult,
  cast: perResult,
  reshape: free,
  transpose: free,
  broadcast: free,
  slice: free,
  pad: free,
  concat: free,
  reverse: free,
  gather: free,
  scatter_add: perOperand,
  stop_gradient: free,
  reduce_sum: perOperand,
  reduce_max: perOperand,
  argmax: perOperand,
  top_k: perOperand,
  dot_general: (node) => {
    const { lhsContract } = node.attrs as OpAttrs["dot_general"];
    return 2 * elementCount(node.shape) * elementCount(lhsContract.map((axis) => Number(operand(node, 0)[axis])));
  },
  conv2d: convolution(
    (node) => node.shape,
    (node) => operand(node, 1),
  ),
  conv2d_input_grad: convolution(
    (node) => operand(node, 0),
    (node) => operand(node, 1),
  ),
  conv2d_filter_grad: convolution(
    (node) => operand(node, 1),
    (node) => node.shape,
  ),
  // For each matrix of the batch: n³/3 for the Cholesky factor, and 2n² for each right-hand side.
  solve_spd: ({ shape }) => {
    const [n, m] = [Number(shape.at(-2)), Number(shape.at(-1))];
    return elementCount(shape.slice(0, -2)) * (n ** 3 / 3 + 2 * n * n * m);
  },
  max_pool: window,
  max_pool_grad: window,
  max_pool_take: window,
  avg_pool: window,
  avg_pool_grad: window,
};

/** Counts the operations of nodes. A composite costs as much as its primitives, which is computed once for equal uses. */
export class FlopCount {
  private readonly known = new Map<string, number>();

  of(node: Node): number {
    if (!isComposite(node.op)) return flops[node.op](node);
    const key = `${node.op} ${JSON.stringify(node.attrs)} ${node.inputs.map(typeText).join()}`;
    const count = this.known.get(key) ?? this.flopsOfDecomposition(node, node.op);
    this.known.set(key, count);
    return count;
  }

  private flopsOfDecomposition(node: Node, op: CompositeName): number {
    const o = new Ops(new Graph());
    const operands = node.inputs.map(({ shape, dtype }, place) => o.input(`operand ${place}`, shape, dtype));
    const whole = decomposed(o, op, operands, node.attrs as OpAttrs[CompositeName]);
    return reachable([whole]).reduce((sum, each) => sum + this.of(each), 0);
  }
}

/** Nodes that move no bytes, because engines return a view or read in place. */
const viewOps: ReadonlySet<string> = new Set(["input", "const", "reshape", "stop_gradient"]);

/** Returns the cost of one run of a program. */
export function cost(program: Program): Cost {
  const outputs = program.outputs.map((output) => output.node);
  const order = schedule(outputs);
  const count = new FlopCount();
  const sum = (of: readonly Node[], measure: (node: Node) => number): number =>
    of.reduce((total, node) => total + measure(node), 0);
  const moved = (node: Node): number => (viewOps.has(node.op) ? 0 : byteSize(node) + sum(node.inputs, byteSize));
  const learned = program.inputs.filter(({ node, role }) => role !== "feed" && node.dtype === "f32");
  const constants = order.flatMap((node) => (node.op === "const" && node.attrs.data.length > 1 ? [node] : []));
  const resident = sum([...program.inputs.map(({ node }) => node), ...constants], byteSize);
  return {
    flops: sum(order, (node) => count.of(node)),
    bytes: sum(order, moved),
    peakBytes: resident + peakBytes(order, outputs),
    parameters: sum(
      learned.map(({ node }) => node),
      ({ shape }) => elementCount(shape),
    ),
  };
}
