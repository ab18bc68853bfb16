/** Finds nodes of a program that can share a kernel: batch norms and max pools with their gradients. */
import type { Node, Window } from "../../../compiler/tensor/ir.js";

type Norm = Node<"batch_norm">;
type Gradient = Node<"batch_norm_grad_x">;

export class RelatedNodes {
  private readonly norms = new Map<Node, Norm[]>();
  private readonly gradients = new Map<Node, Gradient[]>();
  /** The max pools whose gradient is in the program too. */
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

  /** Returns a norm over x with these groups, and this eps if given, that depends on none of the nodes in progress. */
  norm(inProgress: readonly Node[], x: Node, groups: number, eps?: number): Norm | undefined {
    return this.norms
      .get(x)
      ?.find(
        (norm) =>
          norm.attrs.groups === groups &&
          (eps === undefined || norm.attrs.eps === eps) &&
          isIndependent(norm, inProgress),
      );
  }

  /** Returns the gradient of x for the norm whose gradient of gamma `node` is, if it depends on none of the nodes in progress. */
  normGradient(inProgress: readonly Node[], node: Node<"batch_norm_grad_gamma">): Gradient | undefined {
    const [x, dy] = node.inputs;
    if (dy === undefined) return undefined;
    const { eps, groups } = node.attrs;
    return this.gradients
      .get(dy)
      ?.find(
        (each) =>
          each.inputs[0] === x &&
          each.attrs.eps === eps &&
          each.attrs.groups === groups &&
          isIndependent(each, inProgress),
      );
  }

  /** Returns a gradient of a norm that reads dy. Its kernel also sums dy over each channel. */
  anyNormGradient(inProgress: readonly Node[], dy: Node): Gradient | undefined {
    return this.gradients.get(dy)?.find((each) => isIndependent(each, inProgress));
  }
}

/** Returns the max pool whose gradient `node` is, if the result that it reads is that of a pool. */
export function forwardPool(node: Node<"max_pool_grad">): Node<"max_pool"> | undefined {
  const [x, y] = node.inputs;
  if (y?.op !== "max_pool" || y.inputs[0] !== x) return undefined;
  return sameWindow(y.attrs, node.attrs) ? y : undefined;
}

const sameWindow = (a: Window, b: Window): boolean =>
  [a.size, a.stride, a.pad].join() === [b.size, b.stride, b.pad].join();

/** Tells whether `node` depends on none of `inProgress`. */
function isIndependent(node: Node, inProgress: readonly Node[]): boolean {
  // A node has a higher id than its operands.
  const first = Math.min(...inProgress.map(({ id }) => id));
  const seen = new Set<Node>();
  const worklist = [...node.inputs];
  for (let next = worklist.pop(); next; next = worklist.pop()) {
    if (inProgress.includes(next)) return false;
    if (next.id < first || seen.has(next)) continue;
    seen.add(next);
    worklist.push(...next.inputs);
  }
  return true;
}

function pushTo<V>(into: Map<Node, V[]>, key: Node | undefined, value: V): void {
  if (key === undefined) return;
  const list = into.get(key);
  if (list === undefined) into.set(key, [value]);
  else list.push(value);
}
