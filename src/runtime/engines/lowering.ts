/** Helpers that the lowerings of several engines share. */
import type { Node } from "../../compiler/tensor/ir.js";

/** Returns operand `index`. The verifier has checked the number of operands. */
export function operand(node: Node, index: number): Node {
  const input = node.inputs[index];
  if (input === undefined) throw new RangeError(`${node.op} has no operand ${index}`);
  return input;
}

/** Returns the sizes [n, c, h, w] of a node that holds images. */
export function images(node: Node): [number, number, number, number] {
  const [n = 1, c = 1, h = 1, w = 1] = node.shape;
  return [n, c, h, w];
}

/** A cache of emitted results that several rules need for one node: results of a fused kernel, batch statistics, masks of a pool. */
export class SharedResults {
  private readonly results = new Map<Node, Map<string, unknown>>();

  /** Returns the result under `key`; `make` makes it at the first use. */
  once<T>(node: Node, key: string, make: () => T): T {
    let existing = this.results.get(node);
    if (existing === undefined) {
      existing = new Map();
      this.results.set(node, existing);
    }
    if (!existing.has(key)) existing.set(key, make());
    return existing.get(key) as T;
  }

  /** Returns the result that `once` made under `key`, if it did. */
  made<T>(node: Node, key: string): T | undefined {
    return this.results.get(node)?.get(key) as T | undefined;
  }
}
