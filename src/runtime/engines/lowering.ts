/** What the lowerings of several engines share. */
import type { Node } from "../../compiler/tensor/ir.js";

/** Operand `index`; the verifier has checked arity. */
export function operand(node: Node, index: number): Node {
  const input = node.inputs[index];
  if (input === undefined) throw new RangeError(`${node.op} has no operand ${index}`);
  return input;
}

/** [n, c, h, w] of an images node. */
export function images(node: Node): [number, number, number, number] {
  const [n = 1, c = 1, h = 1, w = 1] = node.shape;
  return [n, c, h, w];
}

/** What several rules need of one node (a fused kernel's results, batch statistics, pooling halves). */
export class SharedResults {
  private readonly results = new Map<Node, Map<string, unknown>>();

  /** Made at the first use. */
  once<T>(node: Node, key: string, make: () => T): T {
    let made = this.results.get(node);
    if (made === undefined) {
      made = new Map();
      this.results.set(node, made);
    }
    if (!made.has(key)) made.set(key, make());
    return made.get(key) as T;
  }

  /** What `once` made, if it did. */
  made<T>(node: Node, key: string): T | undefined {
    return this.results.get(node)?.get(key) as T | undefined;
  }
}
