/**
 * Batch norms and their gradients, each with the ReLU that follows in one primitive. Statistics, and the mask of the ReLU, are
 * tensors of the program. Groups of images are normalized one after the other by the same primitive.
 */
import type { Node } from "../../../../compiler/tensor/ir.js";
import { images, operand } from "../../lowering.js";
import type { Builder } from "../builder.js";
import { normFlag, propagation, query } from "../constants.js";
import type { Held } from "../held.js";
import type { Pointer } from "../library.js";
import type { Slot } from "../memory.js";
import { isChannelSum } from "../patterns.js";
import { guard } from "../poison.js";
import type { PrimitiveArgument } from "../steps.js";

/** The state that a forward norm leaves for its gradient. */
interface Forward {
  readonly source: Held;
  /** Statistics of each channel [groups, c]. */
  readonly mean: Slot;
  readonly variance: Slot;
  /** The description of the forward primitive on one group, which its gradient needs. */
  readonly description: Pointer;
  /** The description of the images of one group. */
  readonly group: Pointer;
  /** The mask of the ReLU, if it is part of the primitive. */
  readonly mask: { readonly slot: Slot; readonly description: Pointer; readonly bytes: number } | undefined;
}

/** Makes the arguments of one group out of tensors that hold all groups. */
class Groups {
  constructor(
    private readonly b: Builder,
    private readonly count: number,
    private readonly channels: number,
    private readonly imageBytes: number,
    private readonly group: Pointer,
  ) {}

  /** Images: a group is a run of them, because images are outermost in every layout. */
  images(argument: PrimitiveArgument["argument"], slot: Slot, index: number): PrimitiveArgument {
    return { argument, slot, description: this.group, offset: index * this.imageBytes };
  }

  /** Values of each channel [groups, c]. */
  statistic(argument: PrimitiveArgument["argument"], slot: Slot, index: number): PrimitiveArgument {
    return { ...this.shared(argument, slot), offset: index * this.channels * 4 };
  }

  /** Values [c] that all groups share. */
  shared(argument: PrimitiveArgument["argument"], slot: Slot): PrimitiveArgument {
    return { argument, slot, description: this.b.layouts.strided([this.channels], [1]) };
  }

  makeStatistic(): Slot {
    return this.b.slot({ bytes: this.count * this.channels * 4 }, "f32");
  }
}

function groupsOf(b: Builder, x: Node, source: Held, groups: number, group: Pointer): Groups {
  return new Groups(b, groups, x.shape[1] ?? 1, source.layout.bytes / groups, group);
}

/** Returns the forward norm of x, with the steps that compute it at the first call. */
function forward(b: Builder, x: Node, groups: number, eps: number): Forward {
  return b.shared.once(x, `norm ${groups}`, () => {
    const norm = b.patterns.normOn(x, groups);
    const [relu] = norm !== undefined && b.patterns.absorbed.has(norm) ? b.patterns.readersOf(norm) : [];
    return emitForward(b, x, { groups, eps: norm?.attrs.eps ?? eps, norm, relu });
  });
}

function emitForward(
  b: Builder,
  x: Node,
  { groups, eps, norm, relu }: { groups: number; eps: number; norm: Node | undefined; relu: Node | undefined },
): Forward {
  const { library } = b;
  const source = b.images(x);
  const [n, c, h, w] = images(x);
  const group = b.layouts.part(source.layout, [n / groups, c, h, w]);
  const flags = (norm === undefined ? 0 : normFlag.scale | normFlag.shift) | (relu === undefined ? 0 : normFlag.relu);
  const description = library.make("norm", library.engine, propagation.training, group, group, eps, flags, null);
  b.keepDescription(description);
  const parts = groupsOf(b, x, source, groups, group);
  const [mean, variance] = [parts.makeStatistic(), parts.makeStatistic()];
  const result = b.slot(source.layout, "f32");
  const mask = relu === undefined ? undefined : makeMask(b, description, groups);
  const [gamma, beta] = norm === undefined ? [] : [b.plain(operand(norm, 1)), b.plain(operand(norm, 2))];
  for (let index = 0; index < groups; index++)
    b.addPrimitive(
      relu === undefined ? "batch norm" : "batch norm, ReLU",
      description,
      [
        parts.images("source", source.slot, index),
        ...(gamma === undefined ? [] : [parts.shared("scale", gamma)]),
        ...(beta === undefined ? [] : [parts.shared("shift", beta)]),
      ],
      [
        parts.images("result", result, index),
        parts.statistic("mean", mean, index),
        parts.statistic("variance", variance, index),
        ...maskArgument(mask, index),
      ],
    );
  const of = relu ?? norm;
  if (of !== undefined) {
    const held = { slot: result, layout: source.layout };
    b.define(of, held);
    guard(b, of, held, [
      mean,
      variance,
      ...(gamma === undefined ? [] : [gamma]),
      ...(beta === undefined ? [] : [beta]),
    ]);
  }
  return { source, mean, variance, description, group, mask };
}

function makeMask(b: Builder, description: Pointer, groups: number): Forward["mask"] {
  const layout = b.layouts.opaque(b.library.chosen(description, query.workspace));
  if (layout.description === undefined) return undefined;
  // Each group's part begins at a multiple of the largest alignment that a primitive expects.
  const bytes = Math.ceil(layout.bytes / 64) * 64;
  return { slot: b.slot({ bytes: bytes * groups }, "u8"), description: layout.description, bytes };
}

const maskArgument = (mask: Forward["mask"], index: number): PrimitiveArgument[] =>
  mask === undefined
    ? []
    : [{ argument: "workspace", slot: mask.slot, description: mask.description, offset: index * mask.bytes }];

/** Computes a batch norm, or the ReLU after it together with it. */
export function normalize(b: Builder, norm: Node<"batch_norm">, relu: Node | undefined): void {
  const x = operand(norm, 0);
  const { groups, eps } = norm.attrs;
  forward(b, x, groups, eps);
  if (b.isHeld(relu ?? norm)) return;
  // Another norm of the same images, with its own scale and shift.
  emitForward(b, x, { groups, eps, norm, relu });
}

export function statistic(b: Builder, node: Node<"batch_mean"> | Node<"batch_variance">): void {
  const { mean, variance } = forward(b, operand(node, 0), node.attrs.groups, 1e-5);
  b.define(node, { slot: node.op === "batch_mean" ? mean : variance, layout: b.plainLayout(node) });
}

/** Computes all gradients of a batch norm whose result has the gradient `dy`. */
export function normGradients(b: Builder, node: Node<"batch_norm_grad_x"> | Node<"batch_norm_grad_gamma">): void {
  const dy = node.inputs.at(-1) as Node;
  const x = operand(node, 0);
  const { groups, eps } = node.attrs;
  const related = b.patterns
    .normGradientsOf(dy)
    .filter((each) => each.inputs[0] === x && each.attrs.groups === groups && each.attrs.eps === eps);
  const ofX = node.op === "batch_norm_grad_x" ? node : related.find((each) => each.op === "batch_norm_grad_x");
  const made = emitGradients(b, x, dy, ofX, { groups, eps });
  if (ofX !== undefined) b.define(ofX, { slot: made.dx, layout: made.layout });
  for (const each of related)
    if (each.op === "batch_norm_grad_gamma" && !b.isHeld(each)) defineSum(b, each, made.scale, groups);
  for (const each of b.patterns.readersOf(dy))
    if (isChannelSum(each) && !b.isHeld(each)) defineSum(b, each, made.shift, groups);
}

function emitGradients(
  b: Builder,
  x: Node,
  dy: Node,
  ofX: Node | undefined,
  { groups, eps }: { readonly groups: number; readonly eps: number },
): { readonly dx: Slot; readonly layout: Held["layout"]; readonly scale: Slot; readonly shift: Slot } {
  const { library } = b;
  const before = forward(b, x, groups, eps);
  const { source, group } = before;
  const absorbed = b.patterns.absorbed.has(dy);
  const mask = absorbed ? before.mask : undefined;
  const given = absorbed ? operand(dy, 1) : dy;
  const gradient = b.native(given, x.shape, source.layout.description as Pointer);
  const flags = normFlag.scale | normFlag.shift | (mask === undefined ? 0 : normFlag.relu);
  const hint =
    mask === undefined
      ? library.make(
          "norm",
          library.engine,
          propagation.training,
          group,
          group,
          eps,
          normFlag.scale | normFlag.shift,
          null,
        )
      : before.description;
  const description = library.make(
    "normBackward",
    library.engine,
    propagation.backward,
    group,
    group,
    group,
    eps,
    flags,
    hint,
    null,
  );
  if (hint !== before.description) library.call("destroyPrimitiveDescription", hint);
  b.keepDescription(description);
  const parts = groupsOf(b, x, source, groups, group);
  const [scale, shift] = [parts.makeStatistic(), parts.makeStatistic()];
  const dx = b.slot(source.layout, "f32");
  const gamma = ofX === undefined ? b.ones(x.shape[1] ?? 1) : b.plain(operand(ofX, 1));
  for (let index = 0; index < groups; index++)
    b.addPrimitive(
      "batch norm, gradients",
      description,
      [
        parts.images("source", source.slot, index),
        parts.statistic("mean", before.mean, index),
        parts.statistic("variance", before.variance, index),
        parts.images("resultGradient", gradient.slot, index),
        parts.shared("scale", gamma),
        ...maskArgument(mask, index),
      ],
      [
        parts.images("sourceGradient", dx, index),
        parts.statistic("scaleGradient", scale, index),
        parts.statistic("shiftGradient", shift, index),
      ],
    );
  return { dx, layout: source.layout, scale, shift };
}

/** Defines a gradient [c] as the sum of the gradients of all groups. */
function defineSum(b: Builder, node: Node, perGroup: Slot, groups: number): void {
  const layout = b.plainLayout(node);
  if (groups === 1) {
    b.define(node, { slot: perGroup, layout });
    return;
  }
  const channels = node.shape[0] ?? 1;
  b.addKernel(
    "sum of groups",
    (all, sum) => {
      for (let c = 0; c < channels; c++) {
        let total = 0;
        for (let group = 0; group < groups; group++) total += all?.[group * channels + c] ?? 0;
        if (sum !== undefined) sum[c] = total;
      }
    },
    [perGroup],
    [b.result(node)],
  );
}
