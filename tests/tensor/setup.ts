/** A case with its loss and both its derivatives, in one graph. */
import { gradient } from "../../src/compiler/tensor/derivative.js";
import type { Node } from "../../src/compiler/tensor/ir.js";
import type { Ops } from "../../src/compiler/tensor/ops.js";
import type { Case } from "./cases.js";
import { draw, type Operand, type Spread, type Values } from "./support.js";

export interface Derivatives {
  readonly inputs: readonly Node<"input">[];
  /** The real operands and the weight of the result. */
  readonly wrt: readonly Node<"input">[];
  readonly y: Node;
  /** Σ w·y, w an input. */
  readonly loss: Node;
  readonly first: readonly Node[];
  /** Σ v·first, v inputs named "v …". */
  readonly along: Node;
  readonly second: readonly Node[];
  draw(spread: Spread, next: () => number): Values;
}

export function derivatives(o: Ops, one: Case): Derivatives {
  const drawn: { node: Node<"input">; operand: Operand }[] = [];
  const input = (name: string, operand: Operand): Node<"input"> => {
    const node = o.input(name, operand.shape, operand.dtype);
    drawn.push({ node, operand });
    return node;
  };
  const x = one.operands.map((operand, place) => input(`x${place}`, operand));
  const y = one.build(o, x as unknown as readonly [Node, Node, Node]);
  const w = input("w", { shape: y.shape, dtype: "f32", domain: "real" });
  const loss = o.sum(o.mul(w, o.cast(y, "f32")));
  const wrt = [...x.filter((node) => node.dtype === "f32"), w];
  const first = gradient(o.graph, loss, wrt);
  const terms = wrt.map((node, place) => {
    const v = input(`v ${node.attrs.name}`, { shape: node.shape, dtype: "f32", domain: "real" });
    return o.sum(o.mul(v, first[place] as Node));
  });
  const along = terms.reduce((sum, term) => o.add(sum, term));
  return {
    inputs: drawn.map(({ node }) => node),
    wrt,
    y,
    loss,
    first,
    along,
    second: gradient(o.graph, along, wrt),
    draw: (spread, next) =>
      Object.fromEntries(drawn.map(({ node, operand }) => [node.attrs.name, draw(operand, spread, next)])),
  };
}
