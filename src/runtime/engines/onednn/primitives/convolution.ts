/** Convolutions and their gradients. oneDNN chooses the layouts. */
import type { Node, Shape } from "../../../../compiler/tensor/ir.js";
import { EngineError, type Precision } from "../../engine.js";
import { operand } from "../../lowering.js";
import { imageRuns } from "../../sums.js";
import type { Builder } from "../builder.js";
import { algorithm, propagation, query } from "../constants.js";
import type { Held } from "../held.js";
import { type Convolution, inputGrad } from "../kernels/convolution.js";
import { wide } from "../layouts.js";
import type { Pointer } from "../library.js";
import { guard, signOf, signOfImages } from "../poison.js";
import { describe, operandIn, tryDescribe } from "../precision.js";

function filterShape(shape: Shape, groups: number): Shape {
  const [o = 1, ...rest] = shape;
  return groups === 1 ? shape : [groups, o / groups, ...rest];
}

/** Describes a convolution of x with filters to y, whose filters have an axis of groups if there are several. */
function convolutionOf(x: Node, filters: Node, y: Node, attrs: Convolution["attrs"]): Convolution {
  return { x: x.shape, filters: filterShape(filters.shape, attrs.groups), y: y.shape, attrs };
}

/** Returns stride, dilation, padding before and padding after. */
function geometry({ attrs: { stride, pad } }: Convolution): readonly BigInt64Array[] {
  const [top, left, bottom, right] = pad;
  return [wide(stride), wide([0, 0]), wide([top, left]), wide([bottom, right])];
}

/** Describes the forward convolution. The descriptions of the gradients need it as a hint. Results are f32 in each precision. */
function forward(
  b: Builder,
  it: Convolution,
  precision: Precision,
  bias: Pointer | null = null,
  attributes: Pointer | null = null,
): Pointer | undefined {
  const { library, layouts } = b;
  return library.tryMake(
    "convolution",
    library.engine,
    propagation.training,
    algorithm.convolutionDirect,
    layouts.any(it.x, precision),
    layouts.any(it.filters, precision),
    bias,
    layouts.any(it.y),
    ...geometry(it),
    attributes,
  );
}

/** The nodes that the primitive of a convolution computes after it, and the node that is its result. */
interface Tail {
  readonly node: Node;
  readonly bias?: Node | undefined;
  readonly activation?: Node<"relu"> | Node<"leaky_relu"> | undefined;
}

/** Makes the attributes by which a primitive applies an activation to its result. */
function activated(b: Builder, activation: NonNullable<Tail["activation"]>): Pointer {
  const { library } = b;
  const [attributes, operations] = [library.make("attributes"), library.make("postOps")];
  const slope = activation.op === "relu" ? 0 : activation.attrs.slope;
  library.call("appendElementwise", operations, algorithm.relu, slope, 0);
  library.call("setPostOps", attributes, operations);
  library.call("destroyPostOps", operations);
  return attributes;
}

export function convolve(b: Builder, node: Node<"conv2d">, { node: last, bias, activation }: Tail): void {
  const [x, filters] = [operand(node, 0), operand(node, 1)];
  const it = convolutionOf(x, filters, node, node.attrs);
  const { library, layouts } = b;
  const added = bias === undefined ? undefined : { slot: b.plain(bias), layout: b.plainLayout(bias) };
  const attributes = activation === undefined ? null : activated(b, activation);
  const { description, precision } = describe(b, "convolution", (each) =>
    forward(b, it, each, added?.layout.description ?? null, attributes),
  );
  if (attributes !== null) library.call("destroyAttributes", attributes);
  const source = operandIn(b, precision, x, x.shape, library.chosen(description, query.source));
  const weights = operandIn(b, precision, filters, it.filters, library.chosen(description, query.weights));
  const layout = layouts.described(library.chosen(description, query.result));
  const slot = b.result(last, layout);
  b.addPrimitive(
    "convolution",
    description,
    [
      b.argument("source", source),
      b.argument("weights", weights),
      ...(added === undefined ? [] : [b.argument("bias", added)]),
    ],
    [b.argument("result", { slot, layout })],
  );
  if (activation !== undefined)
    guard(b, last, { slot, layout }, [
      signOf(b, bias === undefined ? [filters] : [filters, bias]),
      signOfImages(b, x, b.anyHeld(x)),
    ]);
  library.call("destroyPrimitiveDescription", description);
}

/**
 * Tells whether oneDNN 3.2 computes the data gradient wrongly: filters of one element with a stride in one direction only. It takes
 * the stride for 1.
 */
function isMiscomputed({ filters, attrs: { stride } }: Convolution): boolean {
  return filters.at(-1) === 1 && filters.at(-2) === 1 && stride[0] !== stride[1];
}

/** The implementation of oneDNN 3.2 whose data gradients are wrong by as much as the gradients themselves, at every stride that it takes. */
const wrongImplementation = "brgconv_strided";

/** Returns the description of a data gradient that oneDNN computes rightly, or undefined if it has none. */
function describeInputGrad(b: Builder, it: Convolution, precision: Precision): Pointer | undefined {
  const { library, layouts } = b;
  const hint = forward(b, it, precision);
  if (hint === undefined) return undefined;
  const description = library.tryMake(
    "convolutionBackwardData",
    library.engine,
    algorithm.convolutionDirect,
    layouts.any(it.x),
    layouts.any(it.filters, precision),
    layouts.any(it.y, precision),
    ...geometry(it),
    hint,
    null,
  );
  const isRight = description !== undefined && library.skipImplementation(description, wrongImplementation);
  // The search for implementations reads the hint.
  library.call("destroyPrimitiveDescription", hint);
  if (isRight) return description;
  if (description !== undefined) library.call("destroyPrimitiveDescription", description);
  return undefined;
}

export function convolveInputGrad(b: Builder, node: Node<"conv2d_input_grad">): void {
  const [dy, filters] = [operand(node, 0), operand(node, 1)];
  const it = convolutionOf(node, filters, dy, node.attrs);
  const { library, layouts } = b;
  const described = isMiscomputed(it) ? undefined : tryDescribe(b, (each) => describeInputGrad(b, it, each));
  if (described === undefined) {
    b.addKernel("input gradient", inputGrad(it), [b.plain(dy), b.plain(filters)], [b.result(node)]);
    return;
  }
  const { description, precision } = described;
  const gradient = operandIn(b, precision, dy, dy.shape, library.chosen(description, query.resultGradient));
  const weights = operandIn(b, precision, filters, it.filters, library.chosen(description, query.weights));
  const layout = layouts.described(library.chosen(description, query.sourceGradient));
  const slot = b.result(node, layout);
  b.addPrimitive(
    "convolution, data gradient",
    description,
    [b.argument("resultGradient", gradient), b.argument("weights", weights)],
    [b.argument("sourceGradient", { slot, layout })],
  );
  library.call("destroyPrimitiveDescription", description);
}

/** The largest number of terms that one primitive adds for an element of a filter's gradient. It adds them in 32 bits. */
const termLimit = 2 ** 20;

export function convolveFilterGrad(b: Builder, node: Node<"conv2d_filter_grad">): void {
  const [x, dy] = [operand(node, 0), operand(node, 1)];
  const it = convolutionOf(x, node, dy, node.attrs);
  const { library, layouts } = b;
  const runs = imageRuns(dy.shape, termLimit);
  const { description: whole, precision } = describe(b, "gradient of filters", (each) =>
    describeFilterGrad(b, it, layouts.any(it.x, each), layouts.any(it.y, each), each),
  );
  const source = operandIn(b, precision, x, x.shape, library.chosen(whole, query.source));
  const gradient = operandIn(b, precision, dy, dy.shape, library.chosen(whole, query.resultGradient));
  const part = ({ layout }: Held, [n = 1, ...rest]: Shape): Pointer => layouts.part(layout, [n / runs, ...rest]);
  const [sourcePart, gradientPart] = [part(source, it.x), part(gradient, it.y)];
  const parts = runs === 1 ? whole : describeFilterGrad(b, it, sourcePart, gradientPart, precision, runs);
  if (parts === undefined)
    throw new EngineError("unsupported-op", "oneDNN has no gradient of filters for some of the images");
  const description = parts;
  b.keepDescription(description);
  const layout = layouts.described(library.chosen(description, query.weightsGradient));
  const results = Array.from({ length: runs }, (_, run) => {
    const slot = b.slot(layout, node.dtype);
    const offset = ({ layout: { bytes } }: Held): number => (run * bytes) / runs;
    b.addPrimitive(
      "convolution, filter gradient",
      description,
      [
        { argument: "source", slot: source.slot, description: sourcePart, offset: offset(source) },
        { argument: "resultGradient", slot: gradient.slot, description: gradientPart, offset: offset(gradient) },
      ],
      [b.argument("weightsGradient", { slot, layout })],
    );
    return slot;
  });
  b.defineAs(node, it.filters, { slot: b.sum(results, layout), layout });
  if (whole !== description) library.call("destroyPrimitiveDescription", whole);
}

/**
 * An implementation for AMX whose threads wait for each other without end and without sleep. If another program has the core of one of
 * them, a small gradient takes 17 ms in place of 0.7. The next implementation does the same at the same speed, at large maps at half.
 */
const waitingImplementation = "brgconv_bwd_w";

function describeFilterGrad(
  b: Builder,
  it: Convolution,
  x: Pointer,
  dy: Pointer,
  precision: Precision,
  runs = 1,
): Pointer | undefined {
  const { library, layouts } = b;
  const run = ([n = 1, ...rest]: Shape): Shape => [n / runs, ...rest];
  const hint = forward(b, { ...it, x: run(it.x), y: run(it.y) }, precision);
  if (hint === undefined) return undefined;
  const description = library.tryMake(
    "convolutionBackwardWeights",
    library.engine,
    algorithm.convolutionDirect,
    x,
    layouts.any(it.filters),
    null,
    dy,
    ...geometry(it),
    hint,
    null,
  );
  const isFound = description !== undefined && library.skipImplementation(description, waitingImplementation);
  library.call("destroyPrimitiveDescription", hint);
  if (isFound) return description;
  if (description !== undefined) library.call("destroyPrimitiveDescription", description);
  return undefined;
}
