/** Derivatives of products, convolutions, solves and windows: three closed families. */
import type { Node, OpAttrs, PrimitiveName } from "../ir.js";
import type { Ops } from "../ops.js";
import { type Adjoint, type DerivativeRules, operands } from "./rule.js";

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, place) => from + place);
const rising = (axes: readonly number[]): number[] => [...axes].sort((a, b) => a - b);
const freeAxes = (x: Node, used: readonly number[]): number[] =>
  range(0, x.shape.length).filter((axis) => !used.includes(axis));

/** Returns x, whose axis i is axis order[i] of the wanted result, with the axes in the order of the result. */
function inOrder(o: Ops, x: Node, order: readonly number[]): Node {
  return o.transpose(
    x,
    order.map((_, axis) => order.indexOf(axis)),
  );
}

function dotDerivative(o: Ops, y: Node<"dot_general">, dy: Node): readonly Adjoint[] {
  const [a, b] = operands(y);
  const { lhsBatch, rhsBatch, lhsContract, rhsContract } = y.attrs;
  const lhsFree = freeAxes(a, [...lhsBatch, ...lhsContract]);
  const rhsFree = freeAxes(b, [...rhsBatch, ...rhsContract]);
  // dy's axes: batch, a's free axes, b's.
  const dyBatch = range(0, lhsBatch.length);
  const dyLhs = range(lhsBatch.length, lhsFree.length);
  const dyRhs = range(lhsBatch.length + lhsFree.length, rhsFree.length);
  return [
    () => {
      const product = o.dot(dy, b, [dyRhs, rhsFree], [dyBatch, rhsBatch]);
      const left = rising(rhsContract).map((axis) => Number(lhsContract[rhsContract.indexOf(axis)]));
      return inOrder(o, product, [...lhsBatch, ...lhsFree, ...left]);
    },
    () => {
      const product = o.dot(a, dy, [lhsFree, dyLhs], [lhsBatch, dyBatch]);
      const left = rising(lhsContract).map((axis) => Number(rhsContract[lhsContract.indexOf(axis)]));
      return inOrder(o, product, [...rhsBatch, ...left, ...rhsFree]);
    },
  ];
}

const spatial = (x: Node): [number, number] => [Number(x.shape[2]), Number(x.shape[3])];

function convAttrs({ stride, pad, groups }: OpAttrs["conv2d"]): OpAttrs["conv2d"] {
  return { stride, pad, groups };
}

export const linearDerivatives = {
  dot_general: dotDerivative,
  conv2d: (o, y, dy) => {
    const [x, filters] = operands(y);
    return [
      () => o.conv2dInputGrad(dy, filters, { ...y.attrs, inputSize: spatial(x) }),
      () => o.conv2dFilterGrad(x, dy, { ...y.attrs, filterSize: spatial(filters) }),
    ];
  },
  conv2d_input_grad: (o, y, t) => {
    const [dy, filters] = operands(y);
    const attrs = convAttrs(y.attrs);
    return [
      () => o.conv2d(t, filters, attrs),
      () => o.conv2dFilterGrad(t, dy, { ...attrs, filterSize: spatial(filters) }),
    ];
  },
  conv2d_filter_grad: (o, y, t) => {
    const [x, dy] = operands(y);
    const attrs = convAttrs(y.attrs);
    return [() => o.conv2dInputGrad(dy, t, { ...attrs, inputSize: spatial(x) }), () => o.conv2d(x, t, attrs)];
  },
  // A⁻¹ is symmetric: dB = A⁻¹·dX, dA = −dB·Xᵀ.
  solve_spd: (o, y, dy) => {
    const [a] = operands(y);
    const right = o.solveSpd(a, dy);
    const rank = y.shape.length;
    const batch = range(0, rank - 2);
    return [() => o.neg(o.dot(right, y, [[rank - 1], [rank - 1]], [batch, batch])), () => right];
  },
  max_pool: (o, y, dy) => [() => o.maxPoolGrad(operands(y)[0], y, dy, y.attrs)],
  max_pool_grad: (o, y, t) => {
    const [x, pooled] = operands(y);
    return ["none", "none", () => o.maxPoolTake(x, pooled, t, y.attrs)];
  },
  max_pool_take: (o, y, dt) => {
    const [x, pooled] = operands(y);
    return ["none", "none", () => o.maxPoolGrad(x, pooled, dt, y.attrs)];
  },
  avg_pool: (o, y, dy) => [() => o.avgPoolGrad(dy, { ...y.attrs, inputSize: spatial(operands(y)[0]) })],
  avg_pool_grad: (o, y, t) => [() => o.avgPool(t, { size: y.attrs.size, stride: y.attrs.stride, pad: y.attrs.pad })],
} satisfies Partial<DerivativeRules<PrimitiveName>>;
