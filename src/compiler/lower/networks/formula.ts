/** Lowering of layers that are formulas: a block over one image, for all images at once. */
import { CompilerBug } from "../../../common/bug.js";
import type { Node } from "../../tensor/ir.js";
import type { Axis, Layer } from "../../typed/tree.js";
import { lowerBlock } from "../block.js";
import { imageAxis, type NamedOps, type NamedTensor, sizeOf } from "../named-tensor.js";

type FormulaOp = Extract<Layer["op"], { readonly kind: "formula" }>;

interface Use {
  /** The value that enters, with the axis of images. */
  readonly x: NamedTensor;
  readonly output: readonly Axis[];
  readonly weight: (name: string) => Node;
}

/** Returns the value of the formula for each image, in the order of the layer's axes. */
export function lowerFormula(ops: NamedOps, { learns, body }: FormulaOp, { x, output, weight }: Use): NamedTensor {
  const never = (): never => {
    throw new CompilerBug("a layer calls a network");
  };
  const value = lowerBlock(ops, body, {
    param: () => x,
    learn: (name) => {
      const learn = learns.find((own) => own.name === name);
      if (learn === undefined) throw new CompilerBug(`the layer learns no ${name}`);
      const stored = ops.of(
        weight(name),
        learn.axes.map((axis) => axis.name),
      );
      return learn.positive ? ops.unary("exp", stored) : stored;
    },
    apply: never,
    entryLoss: never,
    draws: undefined,
    loops: {
      // The formula calls no network, so a trial round has nothing to take back.
      calls: {
        weights: never,
        dryRun: (run) => run(),
        captureStatistics: (run) => ({ value: run(), records: [] }),
        recordStatistics: () => undefined,
      },
      phase: "training",
    },
  });
  return ops.expand(ops.cast(value, "f32"), [{ name: imageAxis, size: sizeOf(x, imageAxis) }, ...output]);
}
