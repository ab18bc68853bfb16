/** Pools and their gradients. A max pool notes which element of each window won, so that its gradient need not look for it. */
import type { Node, Window } from "../../../../compiler/tensor/ir.js";
import { operand } from "../../lowering.js";
import type { Builder } from "../builder.js";
import { algorithm, dataType, propagation, query } from "../constants.js";
import type { Held } from "../held.js";
import { wide } from "../layouts.js";
import type { Pointer } from "../library.js";
import { add, constant, scale } from "../loops/affine.js";
import { guardPool } from "../poison.js";

interface Pooled {
  readonly description: Pointer;
  readonly source: Held;
  readonly result: Held;
  /** The place of each window's winner within the window. */
  readonly winners: Held;
}

const geometry = ({ size, stride, pad: [top, left, bottom, right] }: Window): readonly BigInt64Array[] => [
  wide(stride),
  wide(size),
  wide([0, 0]),
  wide([top, left]),
  wide([bottom, right]),
];

/** Returns the max pool of x, with the step that computes it at the first call. Its result belongs to `node`, if there is one. */
function pool(b: Builder, x: Node, shape: readonly number[], window: Window, node: Node | undefined): Pooled {
  const key = `pool ${JSON.stringify(window)}`;
  return b.shared.once(x, key, () => {
    const { library, layouts } = b;
    const source = b.images(x);
    const description = library.make(
      "pool",
      library.engine,
      propagation.training,
      algorithm.poolMax,
      source.layout.description,
      layouts.any(shape),
      ...geometry(window),
      null,
    );
    b.keepDescription(description);
    const layout = layouts.described(library.chosen(description, query.result));
    const result = { slot: b.slot(layout, "f32"), layout };
    const workspace = library.chosen(description, query.workspace);
    const dtype = library.queryNumber(workspace, query.type) === dataType.u8 ? "u8" : "i32";
    const workspaceLayout = layouts.described(workspace, dtype);
    const winners = { slot: b.slot(workspaceLayout, dtype), layout: workspaceLayout };
    b.addPrimitive(
      "max pool",
      description,
      [b.argument("source", source)],
      [b.argument("result", result), b.argument("workspace", winners)],
    );
    if (node !== undefined) {
      b.define(node, result);
      guardPool(b, node, result, x, source);
    }
    return { description, source, result, winners };
  });
}

/** Computes a max pool whose winners nobody asks for. */
function poolOnly(b: Builder, node: Node<"max_pool">): void {
  const { library, layouts } = b;
  const source = b.images(operand(node, 0));
  const description = library.make(
    "pool",
    library.engine,
    propagation.inference,
    algorithm.poolMax,
    source.layout.description,
    layouts.any(node.shape),
    ...geometry(node.attrs),
    null,
  );
  const layout = layouts.described(library.chosen(description, query.result));
  const slot = b.result(node, layout);
  b.addPrimitive("max pool", description, [b.argument("source", source)], [b.argument("result", { slot, layout })]);
  guardPool(b, node, { slot, layout }, operand(node, 0), source);
  library.call("destroyPrimitiveDescription", description);
}

export function poolMaximum(b: Builder, node: Node<"max_pool">): void {
  const x = operand(node, 0);
  if (!b.patterns.readersOf(x).some(({ op }) => op === "max_pool_grad" || op === "max_pool_take")) {
    poolOnly(b, node);
    return;
  }
  const { result } = pool(b, x, node.shape, node.attrs, node);
  if (!b.isHeld(node)) b.define(node, result);
}

export function poolMaximumGrad(b: Builder, node: Node<"max_pool_grad">): void {
  const [x, y, dy] = [operand(node, 0), operand(node, 1), operand(node, 2)];
  const { library } = b;
  const { description: hint, source, result, winners } = pool(b, x, y.shape, node.attrs, undefined);
  const resultDescription = result.layout.description as Pointer;
  const description = library.make(
    "poolBackward",
    library.engine,
    algorithm.poolMax,
    source.layout.description,
    resultDescription,
    ...geometry(node.attrs),
    hint,
    null,
  );
  const gradient = b.native(dy, dy.shape, resultDescription);
  const slot = b.result(node, source.layout);
  b.addPrimitive(
    "max pool, gradient",
    description,
    [b.argument("resultGradient", gradient), b.argument("workspace", winners)],
    [b.argument("sourceGradient", { slot, layout: source.layout })],
  );
  library.call("destroyPrimitiveDescription", description);
}

/** Takes of a tensor the element of each window that won in the pool of x. */
export function takeWinners(b: Builder, node: Node<"max_pool_take">): void {
  const [x, y, t] = [operand(node, 0), operand(node, 1), operand(node, 2)];
  const { size, stride, pad } = node.attrs;
  const { winners, result } = pool(b, x, y.shape, node.attrs, undefined);
  const from = b.images(t);
  const layout = result.layout.padded ? b.plainLayout(node) : result.layout;
  const [rows = 0, columns = 0] = [2, 3].map((axis) => from.layout.factors?.[axis]?.[0]?.stride);
  b.gatherLoop(node, layout, [winners, from], (body, index, [places, elements]) => {
    const winner = body.element(places, index);
    const corner = index.map((each, axis) =>
      axis < 2 ? each : add(scale(each, stride[axis - 2] ?? 1), constant(-(pad[axis - 2] ?? 0))),
    );
    return body.element(elements, corner, `(${winner}/${size[1]}|0)*${rows}+${winner}%${size[1]}*${columns}`);
  });
}
