/** Nodes of a program of which one kernel gives what another takes: batch norms and max pools, and their gradients. */
import type { Node, Window } from "../../../compiler/tensor/ir.js";

type Norm = Node<"batch_norm">;
type Gradient = Node<"batch_norm_grad_x">;

export class RelatedNodes {
  private readonly norms = new Map<Node, Norm[]>();
  private readonly gradients = new Map<Node, Gradient[]>();
  /** Max pools of which the gradient is wanted too. */
  readonly differentiatedPools: ReadonlySet<Node>;

  constructor(nodes: readonly Node[]) {
    for (const node of nodes) {
      if (node.op === "batch_norm") pushTo(this.norms, node.inputs[0], node);
      if (node.op === "batch_norm_grad_x") pushTo(this.gradients, node.inputs[2], node);
    }
    this.differentiatedPools = new Set(
      nodes.flatMap((node) => {
        const pool = node.op === "max_pool_grad" ? forwardPool(node) : undefined;
        return pool === undefined ? [] : [pool];
      }),
    );
  }

  /** A norm over x in so many groups, with this eps where one is given, that depends on none of `askers`. */
  norm(askers: readonly Node[], x: Node, groups: number, eps?: number): Norm | undefined {
    return this.norms
      .get(x)
      ?.find(
        (norm) =>
          norm.attrs.groups === groups && (eps === undefined || norm.attrs.eps === eps) && isIndependent(norm, askers),
      );
  }

  /** The gradient in x of a norm of which this is that in gamma, if it depends on none of `askers`. */
  normGradient(askers: readonly Node[], node: Node<"batch_norm_grad_gamma">): Gradient | undefined {
    const [x, dy] = node.inputs;
    if (dy === undefined) return undefined;
    const { eps, groups } = node.attrs;
    return this.gradients
      .get(dy)
      ?.find(
        (each) =>
          each.inputs[0] === x && each.attrs.eps === eps && each.attrs.groups === groups && isIndependent(each, askers),
      );
  }

  /** A norm's gradient taken with dy: its kernel sums dy over each channel too. */
  anyNormGradient(askers: readonly Node[], dy: Node): Gradient | undefined {
    return this.gradients.get(dy)?.find((each) => isIndependent(each, askers));
  }
}

/** The pool of which this is the gradient, where the result that it was given is one's. */
export function forwardPool(node: Node<"max_pool_grad">): Node<"max_pool"> | undefined {
  const [x, y] = node.inputs;
  if (y?.op !== "max_pool" || y.inputs[0] !== x) return undefined;
  return sameWindow(y.attrs, node.attrs) ? y : undefined;
}

const sameWindow = (a: Window, b: Window): boolean =>
  [a.size, a.stride, a.pad].join() === [b.size, b.stride, b.pad].join();

/** Whether none of `askers` is needed for `node`. */
function isIndependent(node: Node, askers: readonly Node[]): boolean {
  // A node has a higher id than all that it needs.
  const first = Math.min(...askers.map(({ id }) => id));
  const seen = new Set<Node>();
  const open = [...node.inputs];
  for (let next = open.pop(); next; next = open.pop()) {
    if (askers.includes(next)) return false;
    if (next.id < first || seen.has(next)) continue;
    seen.add(next);
    open.push(...next.inputs);
  }
  return true;
}

function pushTo<V>(into: Map<Node, V[]>, key: Node | undefined, value: V): void {
  if (key === undefined) return;
  const list = into.get(key);
  if (list === undefined) into.set(key, [value]);
  else list.push(value);
}
