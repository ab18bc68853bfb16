/** Sums and means of f32 tensors. Long ones are computed in stages, because ONNX Runtime loses digits in some of them. */
import { elementCount } from "../../../../compiler/tensor/shape.js";
import { sumStages } from "../../sums.js";
import type { Emitter, Value } from "../emitter.js";

/** ONNX Runtime sums rows in vectors of partial sums, but all other axes in one accumulator for each result. */
const limits = { last: 16384, other: 4096 };

/** Emits the sum, mean or sum of squares of a tensor over the axes. The result has the axes that are kept. */
export function reduceAway(
  e: Emitter,
  op: "ReduceSum" | "ReduceMean" | "ReduceSumSquare",
  { name, shape }: Value,
  axes: readonly number[],
): string {
  const stages = sumStages(shape, axes, limits);
  if (stages.length === 0) return e.reduce(op, name, axes);
  const first = op === "ReduceSumSquare" ? op : "ReduceSum";
  let sum = name;
  stages.forEach((stage, index) => {
    if (stage.padding !== undefined) sum = padded(e, sum, stage.padding.of, stage.padding.zeros);
    sum = e.reduce(index === 0 ? first : "ReduceSum", e.reshape(sum, stage.shape), [1]);
  });
  const kept = e.reshape(
    sum,
    shape.filter((_, axis) => !axes.includes(axis)),
  );
  if (op !== "ReduceMean") return kept;
  return e.op("Mul", [kept, e.scalar(1 / elementCount(axes.map((axis) => shape[axis] ?? 1)))]);
}

function padded(e: Emitter, name: string, shape: readonly number[], zeros: number): string {
  const amounts = [...shape.map(() => 0), ...shape.map((_, axis) => (axis === 1 ? zeros : 0))];
  return e.op("Pad", [e.reshape(name, shape), e.ints(amounts)]);
}
