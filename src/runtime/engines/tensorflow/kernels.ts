/** Finds out which kernels this machine has, by trying them once. */
import {
  type Addon,
  type Attribute,
  boolAttribute,
  intAttribute,
  stringAttribute,
  type TensorId,
  tensorflowTypes,
} from "./binding.js";
import type { Kernels } from "./emitter.js";

const probed = new WeakMap<Addon, Kernels>();
const conv: readonly Attribute[] = [intAttribute("strides", [1, 1, 1, 1]), stringAttribute("padding", "VALID")];

/** Returns the available kernels. On CPUs only oneDNN has gradients of convolutions in groups, and not in every build or on every CPU. */
export function kernelsOf(addon: Addon): Kernels {
  let kernels = probed.get(addon);
  if (kernels === undefined) {
    kernels = probe(addon);
    probed.set(addon, kernels);
  }
  return kernels;
}

const pool: readonly Attribute[] = [
  intAttribute("ksize", [1, 2, 2, 1]),
  intAttribute("strides", [1, 2, 2, 1]),
  stringAttribute("padding", "VALID"),
  stringAttribute("_kernel", "MklNameChangeOp"),
  boolAttribute("workspace_enabled", true),
];

function probe(addon: Addon): Kernels {
  const live: TensorId[] = [];
  const keep = (id: TensorId): TensorId => {
    live.push(id);
    return id;
  };
  const ones = (...shape: readonly number[]) =>
    keep(addon.createTensor(shape, tensorflowTypes.f32, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1)));
  const ints = (...values: number[]) =>
    keep(addon.createTensor([values.length], tensorflowTypes.i32, Int32Array.from(values)));
  /** Returns the results, or none if there is no kernel for the op. */
  const tried = (
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly TensorId[],
    outputs = 1,
  ): TensorId[] => {
    try {
      return addon.executeOp(op, attributes, inputs, outputs).map(({ id }) => keep(id));
    } catch {
      return [];
    }
  };
  const [x, filters, dy] = [ones(1, 3, 3, 4), ones(2, 2, 2, 4), ones(1, 2, 2, 4)];
  const grouped = tried("Conv2D", conv, [x, filters]).length > 0;
  const groupedGradients =
    tried("Conv2DBackpropInput", conv, [ints(1, 3, 3, 4), filters, dy]).length > 0 &&
    tried("Conv2DBackpropFilter", conv, [x, ints(2, 2, 2, 4), dy]).length > 0;
  // This kernel is for CPUs only; a tensor on a GPU would have to be copied back for it.
  const [pooled, winners] = addon.isUsingGpuDevice() ? [] : tried("_MklNativeMaxPool", pool, [dy], 2);
  const poolsWithWorkspace =
    pooled !== undefined &&
    winners !== undefined &&
    tried("_MklNativeMaxPoolGrad", pool, [dy, pooled, pooled, winners]).length > 0;
  for (const id of live) addon.deleteTensor(id);
  return { grouped, groupedGradients, poolsWithWorkspace };
}
