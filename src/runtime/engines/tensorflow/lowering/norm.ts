/** Lowering rules for batch norm. They use TensorFlow's fused kernels, once for each group of images. */
import type { Node, OpName } from "../../../../compiler/tensor/ir.js";
import { boolAttribute, floatAttribute } from "../binding.js";
import type { Emitter, Slot, Value } from "../emitter.js";
import { images, operand, type Rules, whole } from "./rule.js";

/** The results of FusedBatchNormV3 for one group. */
interface ForwardResults {
  readonly y: Slot;
  readonly mean: Slot;
  /** The unbiased variance: the divisor is the count minus one. */
  readonly variance: Slot;
  /** Values for the gradient kernel, in an internal format. */
  readonly reserves: readonly Slot[];
}

type GradX = Node<"batch_norm_grad_x">;

export const norm = {
  batch_norm: (e, node) => {
    const [x, gamma, beta] = [operand(node, 0), operand(node, 1), operand(node, 2)];
    const imagesOfGroups = forwardKernels(e, x, e.full(gamma), e.full(beta), node.attrs, `${gamma.id} ${beta.id}`);
    return whole(node, concatGroups(e, imagesOfGroups, "y"), "nhwc");
  },
  batch_norm_grad_x: (e, node) => {
    const [x, gamma, dy] = [operand(node, 0), operand(node, 1), operand(node, 2)];
    return whole(node, concatGroups(e, backwardKernels(e, node, x, dy, gamma), "dx"), "nhwc");
  },
  batch_norm_grad_gamma: (e, node) => {
    const [x, dy] = [operand(node, 0), operand(node, 1)];
    // It does not depend on gamma, so the kernel for the gradient of x computes this one too.
    const whose = e.related.normGradient(e.inProgress, node);
    const parts = backwardKernels(e, node, x, dy, whose && operand(whose, 1));
    return whole(node, sumGroups(e, parts, "dgamma"));
  },
  batch_mean: (e, node) => perGroup(e, node, statistics(e, node, "mean")),
  batch_variance: (e, node) => {
    const [n, , h, w] = images(operand(node, 0));
    const count = (n / node.attrs.groups) * h * w;
    const value = perGroup(e, node, statistics(e, node, "variance"));
    return count === 1 ? value : { ...value, slot: e.op("Mul", [value.slot, e.scalar((count - 1) / count)]) };
  },
  channel_affine: (e, node) => {
    const [x, scale, shift] = [operand(node, 0), operand(node, 1), operand(node, 2)];
    const scaled = e.op("Mul", [e.full(x, "nhwc"), e.reshape(e.full(scale), [1, 1, 1, images(node)[1]])]);
    return whole(node, e.op("BiasAdd", [scaled, e.full(shift)]), "nhwc");
  },
} satisfies Partial<Rules<OpName>>;

/** The gradients for one group. */
interface BackwardResults {
  readonly dx: Slot;
  readonly dgamma: Slot;
  readonly dbeta: Slot;
}

interface Settings {
  readonly eps: number;
  readonly groups: number;
}

/** Returns the images of each group. */
function parts(e: Emitter, x: Node, groups: number): Slot[] {
  return e.once(x, `groups ${groups}`, () => e.split(e.full(x, "nhwc"), 0, groups));
}

function forwardKernels(
  e: Emitter,
  x: Node,
  gamma: Slot,
  beta: Slot,
  settings: Settings,
  of: string,
): ForwardResults[] {
  const { eps, groups } = settings;
  return e.once(x, `norm ${eps} ${groups} ${of}`, () =>
    parts(e, x, groups).map((part) => {
      const none = e.constant("f32", [0], []);
      const attributes = [floatAttribute("epsilon", eps), boolAttribute("is_training", true)];
      const slots = e.ops("FusedBatchNormV3", [part, gamma, beta, none, none], attributes, 6);
      const [y, mean, variance] = slots as [Slot, Slot, Slot];
      return { y, mean, variance, reserves: slots.slice(3) };
    }),
  );
}

/** Returns statistics of x, from the kernel of a norm in the program if there is one. They do not depend on its gamma and beta. */
function statisticsKernels(e: Emitter, x: Node, groups: number, eps?: number): ForwardResults[] {
  const found = e.related.norm(e.inProgress, x, groups, eps);
  if (found !== undefined) {
    const [, gamma, beta] = found.inputs as [Node, Node, Node];
    return forwardKernels(e, x, e.full(gamma), e.full(beta), found.attrs, `${gamma.id} ${beta.id}`);
  }
  const [ones, zeros] = [constantPerChannel(e, x, 1), constantPerChannel(e, x, 0)];
  return forwardKernels(e, x, ones, zeros, { eps: eps ?? 1e-5, groups }, "none");
}

const constantPerChannel = (e: Emitter, x: Node, value: number): Slot => {
  const c = images(x)[1];
  return e.constant("f32", [c], new Float32Array(c).fill(value));
};

function backwardKernels(
  e: Emitter,
  node: GradX | Node<"batch_norm_grad_gamma">,
  x: Node,
  dy: Node,
  gamma: Node | undefined,
): BackwardResults[] {
  const { eps, groups } = node.attrs;
  return e.once(dy, `norm gradient ${x.id} ${gamma?.id} ${eps} ${groups}`, () => {
    const scale = gamma === undefined ? constantPerChannel(e, x, 1) : e.full(gamma);
    const fused = statisticsKernels(e, x, groups, eps);
    const [images, gradients] = [parts(e, x, groups), parts(e, dy, groups)];
    const attributes = [floatAttribute("epsilon", eps), boolAttribute("is_training", true)];
    return fused.map(({ reserves }, group) => {
      const inputs = [gradients[group] as Slot, images[group] as Slot, scale, ...reserves];
      const [dx, dgamma, dbeta] = e.ops("FusedBatchNormGradV3", inputs, attributes, 5) as [Slot, Slot, Slot];
      return { dx, dgamma, dbeta };
    });
  });
}

/** Returns the gradient of a norm's beta, from the kernel for the gradient of its images. */
export function shiftGradient(e: Emitter, node: Node<"batch_norm_grad_x">): Slot {
  const [x, gamma, dy] = [operand(node, 0), operand(node, 1), operand(node, 2)];
  return sumGroups(e, backwardKernels(e, node, x, dy, gamma), "dbeta");
}

function concatGroups<K extends string>(e: Emitter, groups: readonly Readonly<Record<K, Slot>>[], key: K): Slot {
  return e.concat(
    groups.map((group) => group[key]),
    0,
    "f32",
  );
}

const sumGroups = <K extends string>(e: Emitter, groups: readonly Readonly<Record<K, Slot>>[], key: K): Slot =>
  e.sum(groups.map((group) => group[key]));

function statistics(e: Emitter, node: Node<"batch_mean" | "batch_variance">, key: "mean" | "variance"): Slot {
  const x = operand(node, 0);
  const { groups } = node.attrs;
  return concatGroups(e, statisticsKernels(e, x, groups), key);
}

/** Reshapes [groups·c] to [groups, c]. */
const perGroup = (e: Emitter, node: Node, slot: Slot): Value => whole(node, e.reshape(slot, node.shape));
