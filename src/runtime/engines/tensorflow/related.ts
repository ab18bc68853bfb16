/** Nodes of a program that one kernel gives together: batch norms, their statistics and their gradients. */
import type { Node } from "../../../compiler/tensor/ir.js";

type Norm = Node<"batch_norm">;
type Gradient = Node<"batch_norm_grad_x">;

export class Related {
  private readonly norms = new Map<Node, Norm[]>();
  private readonly gradients = new Map<Node, Gradient[]>();

  constructor(nodes: readonly Node[]) {
    for (const node of nodes) {
      if (node.op === "batch_norm") push(this.norms, node.inputs[0], node);
      if (node.op === "batch_norm_grad_x") push(this.gradients, node.inputs[2], node);
    }
  }

  /** A norm over x in so many groups, with this eps where one is given, that does not depend on `asker`. */
  norm(asker: Node, x: Node, groups: number, eps?: number): Norm | undefined {
    return this.norms
      .get(x)
      ?.find(
        (norm) => norm.attrs.groups === groups && (eps === undefined || norm.attrs.eps === eps) && before(norm, asker),
      );
  }

  /** The gradient in x of a norm, taken with dy, that does not depend on `asker`. */
  normGradient(asker: Node<"batch_norm_grad_gamma">): Gradient | undefined {
    const [x, dy] = asker.inputs;
    if (dy === undefined) return undefined;
    const { eps, groups } = asker.attrs;
    return this.gradients
      .get(dy)
      ?.find(
        (each) => each.inputs[0] === x && each.attrs.eps === eps && each.attrs.groups === groups && before(each, asker),
      );
  }

  /** A norm's gradient taken with dy: its kernel sums dy over each channel too. */
  anyNormGradient(asker: Node, dy: Node): Gradient | undefined {
    return this.gradients.get(dy)?.find((each) => before(each, asker));
  }
}

/** Whether what `node` takes was made before `asker`, and so cannot depend on it. */
const before = (node: Node, asker: Node): boolean => node.inputs.every((input) => input.id < asker.id);

function push<V>(into: Map<Node, V[]>, key: Node | undefined, value: V): void {
  if (key === undefined) return;
  const list = into.get(key);
  if (list === undefined) into.set(key, [value]);
  else list.push(value);
}
