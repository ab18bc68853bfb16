/**
 * Reverse-mode differentiation at compile time. Derivatives are ordinary nodes, whose ops have derivatives themselves. So a
 * second derivative is another call of `gradient`.
 */
import { CompilerBug } from "../../common/bug.js";
import { decomposed, isComposite } from "./decompose.js";
import { compositeDerivatives } from "./derivative/composite.js";
import { elementwiseDerivatives } from "./derivative/elementwise.js";
import { linearDerivatives } from "./derivative/linear.js";
import type { Adjoint, DerivativeRule, DerivativeRules } from "./derivative/rule.js";
import { structureDerivatives } from "./derivative/structure.js";
import type { Graph } from "./graph.js";
import type { CompositeName, Node, OpAttrs, OpName } from "./ir.js";
import { Ops } from "./ops.js";
import { sameShape } from "./shape.js";
import { reachable, rebuild } from "./walk.js";

const rules: DerivativeRules<OpName> = {
  ...elementwiseDerivatives,
  ...structureDerivatives,
  ...linearDerivatives,
  ...compositeDerivatives,
};

/**
 * Returns the derivative of `loss` in each node of `wrt`: zeros if the loss does not depend on the node. If one node of
 * `wrt` depends on another, each derivative is the total one.
 *
 * @throws CompilerBug if `loss` is not a scalar.
 */
export function gradient(graph: Graph, loss: Node, wrt: readonly Node[]): Node[] {
  if (loss.shape.length !== 0) throw new CompilerBug(`gradient of a loss of shape [${loss.shape.join(", ")}]`);
  return vectorJacobian(graph, [{ of: loss, by: new Ops(graph).scalar(1) }], wrt);
}

/** Returns the sum over `seeds` of (∂of/∂w)ᵀ·by for each w of `wrt`. */
export function vectorJacobian(
  graph: Graph,
  seeds: readonly { readonly of: Node; readonly by: Node }[],
  wrt: readonly Node[],
): Node[] {
  const o = new Ops(graph);
  const sought = new Set(wrt);
  for (const { of, by } of seeds)
    if (of.dtype !== "f32" || by.dtype !== "f32" || !sameShape(of.shape, by.shape))
      throw new CompilerBug(`a derivative of ${of.op} is started with a ${by.dtype} [${by.shape.join(", ")}]`);
  const order = reachable(seeds.map(({ of }) => of));
  const varies = new Set<Node>();
  for (const node of order)
    if (node.dtype === "f32" && (sought.has(node) || node.inputs.some((input) => varies.has(input)))) varies.add(node);

  const sums = new Map<Node, Node>();
  const contribute = (node: Node, part: Node): void => {
    const before = sums.get(node);
    sums.set(node, before !== undefined ? o.add(before, part) : part);
  };
  for (const { of, by } of seeds) contribute(of, by);
  for (const node of order.reverse()) {
    const dy = sums.get(node);
    if (dy === undefined || !varies.has(node)) continue;
    graph.at(node.span, () => {
      adjoints(o, node, dy).forEach((adjoint, place) => {
        const operand = node.inputs[place];
        if (operand === undefined || !varies.has(operand) || adjoint === "none") return;
        contribute(operand, adjoint === "viaDecomposition" ? throughDecomposition(o, node, place, dy) : adjoint());
      });
    });
  }
  return wrt.map((node) => sums.get(node) ?? o.zerosLike(node));
}

function adjoints<K extends OpName>(o: Ops, node: Node<K>, dy: Node): readonly Adjoint[] {
  const rule = rules[node.op] as DerivativeRule<K>;
  return rule(o, node, dy);
}

/**
 * Returns the contribution of one operand of a composite, by differentiating its primitives. Placeholders are
 * differentiated and replaced by the operands afterwards, so that an operand which is given twice, or depends on another,
 * counts once.
 */
function throughDecomposition(o: Ops, node: Node, place: number, dy: Node): Node {
  if (!isComposite(node.op)) throw new CompilerBug(`${node.op} has no decomposition`);
  const placeholder = (like: Node, name: string): Node =>
    o.graph.op("input", [], { name, shape: like.shape, dtype: like.dtype });
  const places = node.inputs.map((input, index) => placeholder(input, `operand ${index}`));
  const seed = placeholder(dy, "derivative");
  const of = decomposed(o, node.op, places, node.attrs as OpAttrs[CompositeName]);
  const contribution = vectorJacobian(o.graph, [{ of, by: seed }], places.slice(place, place + 1));
  const actual = new Map([...places.map((at, index) => [at, node.inputs[index]] as const), [seed, dy]]);
  const [result] = rebuild(o.graph, contribution, (each) => actual.get(each));
  if (result === undefined) throw new CompilerBug(`${node.op} lost the derivative of an operand`);
  return result;
}
