/** Finds the nodes of a program that one primitive of oneDNN computes together with another. */
import type { Node } from "../../../compiler/tensor/ir.js";
import { elementwisePrimitives } from "./elementwise-choice.js";

type NormGradient = Node<"batch_norm_grad_x"> | Node<"batch_norm_grad_gamma">;

type Activation = Node<"relu"> | Node<"leaky_relu">;

/** A convolution with what one primitive computes after it. */
export interface ConvolutionTail {
  readonly conv: Node<"conv2d">;
  readonly bias: Node | undefined;
  readonly activation: Activation | undefined;
}

export class Patterns {
  private readonly tails = new Map<Node, ConvolutionTail>();
  private readonly readers = new Map<Node, Node[]>();
  /** The nodes that have no memory of their own, because a primitive computes them on the way to another. */
  readonly absorbed: ReadonlySet<Node>;
  /** The element-wise nodes that primitives compute. */
  readonly elementwise: ReadonlySet<Node>;

  constructor(
    order: readonly Node[],
    private readonly roots: ReadonlySet<Node>,
  ) {
    for (const node of order)
      for (const input of new Set(node.inputs)) {
        const known = this.readers.get(input);
        if (known === undefined) this.readers.set(input, [node]);
        else known.push(node);
      }
    const absorbed = new Set(order.filter((node) => this.isAbsorbed(node)));
    for (const node of order) if (node.op === "conv2d") this.addTail(node, absorbed);
    this.absorbed = absorbed;
    this.elementwise = elementwisePrimitives(order);
  }

  readersOf(node: Node): readonly Node[] {
    return this.readers.get(node) ?? [];
  }

  /** Tells whether the node is computed by a primitive together with nodes before it. */
  isFused(node: Node): boolean {
    return this.tails.has(node) || this.normOf(node) !== undefined;
  }

  /** Returns the batch norm that is computed together with this ReLU. */
  normOf(node: Node): Node<"batch_norm"> | undefined {
    const [x] = node.inputs;
    return node.op === "relu" && x?.op === "batch_norm" && this.absorbed.has(x) ? x : undefined;
  }

  /** Returns the batch norm of these images, whose statistics the caller needs. */
  normOn(x: Node, groups: number): Node<"batch_norm"> | undefined {
    return this.readersOf(x).find(
      (reader): reader is Node<"batch_norm"> =>
        reader.op === "batch_norm" && reader.inputs[0] === x && reader.attrs.groups === groups,
    );
  }

  /** Returns the gradients of a batch norm whose result has the gradient `dy`. */
  normGradientsOf(dy: Node): readonly NormGradient[] {
    return this.readersOf(dy).filter((reader): reader is NormGradient => isNormGradient(reader, dy));
  }

  /** Returns the convolution that is computed together with this node, which is its bias or its activation. */
  tailOf(node: Node): ConvolutionTail | undefined {
    return this.tails.get(node);
  }

  /** Finds the bias and the activation after a convolution. */
  private addTail(conv: Node<"conv2d">, absorbed: Set<Node>): void {
    let last: Node = conv;
    let bias: Node | undefined;
    let activation: Activation | undefined;
    const next = (): Node | undefined => {
      const [reader, ...others] = this.readersOf(last);
      return others.length > 0 || this.roots.has(last) ? undefined : reader;
    };
    const sum = next();
    const vector = sum?.op === "add" ? sum.inputs.find((input) => input !== conv) : undefined;
    if (sum !== undefined && vector?.op === "broadcast" && vector.attrs.dims.join() === "1") {
      absorbed.add(last);
      [last, bias] = [sum, vector.inputs[0]];
    }
    const act = next();
    if (act?.op === "relu" || act?.op === "leaky_relu") {
      absorbed.add(last);
      [last, activation] = [act, act];
    }
    if (last !== conv) this.tails.set(last, { conv, bias, activation });
  }

  private isAbsorbed(node: Node): boolean {
    if (this.roots.has(node)) return false;
    const readers = this.readersOf(node);
    if (node.op === "batch_norm") return readers.length === 1 && readers[0]?.op === "relu";
    if (node.op !== "relu_grad") return false;
    const norm = node.inputs[0]?.inputs[0];
    if (node.inputs[0]?.op !== "relu" || norm?.op !== "batch_norm" || !this.isAbsorbed(norm)) return false;
    const isOfNorm = (reader: Node): boolean =>
      isNormGradient(reader, node) && reader.inputs[0] === norm.inputs[0] && reader.attrs.groups === norm.attrs.groups;
    return readers.some(isOfNorm) && readers.every((reader) => isOfNorm(reader) || isChannelSum(reader));
  }
}

function isNormGradient(node: Node, dy: Node): node is NormGradient {
  return (node.op === "batch_norm_grad_x" || node.op === "batch_norm_grad_gamma") && node.inputs.at(-1) === dy;
}

/** Tells whether the node sums images over everything but channels, as the gradient of a shift does. */
export const isChannelSum = (node: Node): node is Node<"reduce_sum"> =>
  node.op === "reduce_sum" && node.inputs[0]?.shape.length === 4 && node.attrs.axes.join() === "0,2,3";
