/** Pools and their gradients. A max pool notes which element of each window won, so that its gradient need not look for it. */
import type { Node, Window } from "../../../../compiler/tensor/ir.js";
import { operand } from "../../lowering.js";
import type { Builder, Held } from "../builder.js";
import { algorithm, propagation, query } from "../constants.js";
import { wide } from "../layouts.js";
import type { Pointer } from "../library.js";
import type { Slot } from "../memory.js";

interface Pooled {
  readonly description: Pointer;
  readonly source: Held;
  readonly result: Held;
  readonly winners: Slot;
  readonly winnersDescription: Pointer;
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
    const workspace = layouts.described(library.chosen(description, query.workspace), "u8");
    const winnersDescription = workspace.description as Pointer;
    const winners = b.slot(workspace, "u8");
    b.addPrimitive(
      "max pool",
      description,
      [b.argument("source", source)],
      [b.argument("result", result), { argument: "workspace", slot: winners, description: winnersDescription }],
    );
    if (node !== undefined) b.define(node, result);
    return { description, source, result, winners, winnersDescription };
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
  const { description: hint, source, result, winners, winnersDescription } = pool(b, x, y.shape, node.attrs, undefined);
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
    [b.argument("resultGradient", gradient), { argument: "workspace", slot: winners, description: winnersDescription }],
    [b.argument("sourceGradient", { slot, layout: source.layout })],
  );
  library.call("destroyPrimitiveDescription", description);
}
