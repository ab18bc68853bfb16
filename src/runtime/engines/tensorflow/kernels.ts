/** What the kernels of this machine can do, tried once. */
import { type Addon, type Attribute, intAttribute, stringAttribute, TF } from "./binding.js";
import type { Kernels } from "./emitter.js";

const found = new WeakMap<Addon, Kernels>();
const ATTRIBUTES: readonly Attribute[] = [intAttribute("strides", [1, 1, 1, 1]), stringAttribute("padding", "VALID")];

/** On CPUs, gradients of convolutions in groups are there through oneDNN only: not in every build, not on every processor. */
export function kernelsOf(addon: Addon): Kernels {
  let kernels = found.get(addon);
  if (kernels === undefined) {
    kernels = probe(addon);
    found.set(addon, kernels);
  }
  return kernels;
}

function probe(addon: Addon): Kernels {
  const ones = (shape: readonly number[]) =>
    addon.createTensor(shape, TF.f32, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1));
  const ints = (...values: number[]) => addon.createTensor([values.length], TF.i32, Int32Array.from(values));
  const [x, filters, dy] = [ones([1, 3, 3, 4]), ones([2, 2, 2, 4]), ones([1, 2, 2, 4])];
  const [inputSize, filterSize] = [ints(1, 3, 3, 4), ints(2, 2, 2, 4)];
  const works = (op: string, inputs: readonly number[]): boolean => {
    try {
      for (const { id } of addon.executeOp(op, ATTRIBUTES, inputs, 1)) addon.deleteTensor(id);
      return true;
    } catch {
      return false;
    }
  };
  const kernels = {
    grouped: works("Conv2D", [x, filters]),
    groupedGradients:
      works("Conv2DBackpropInput", [inputSize, filters, dy]) && works("Conv2DBackpropFilter", [x, filterSize, dy]),
  };
  for (const id of [x, filters, dy, inputSize, filterSize]) addon.deleteTensor(id);
  return kernels;
}
