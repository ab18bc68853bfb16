/** The interface of shape rules, and the checks that they share. */
import { CompilerBug } from "../../../common/bug.js";
import type { DType, Node, OpAttrs, OpName, Shape } from "../ir.js";

/** The type of a node's result. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Checks one use of an op and returns the type of its result. */
export type ShapeRule<K extends OpName> = (use: OpUse, attrs: OpAttrs[K]) => TensorType;
export type ShapeRules<K extends OpName> = { readonly [P in K]: ShapeRule<P> };

export const float: readonly DType[] = ["f32"];
export const numeric: readonly DType[] = ["f32", "i32", "u32"];
export const signed: readonly DType[] = ["f32", "i32"];
export const bitwise: readonly DType[] = ["u32", "i32", "bool"];

export function typeText(type: TensorType): string {
  return `${type.dtype}[${type.shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** One use of an op: its operands, and the messages about an ill-typed use. */
export class OpUse {
  constructor(
    readonly op: OpName,
    readonly inputs: readonly Node[],
  ) {}

  fail(why: string): never {
    throw new CompilerBug(`${this.op}(${this.inputs.map(typeText).join(", ")}): ${why}`);
  }

  require(condition: boolean, why: string): void {
    if (!condition) this.fail(why);
  }

  operand(index: number): Node {
    return this.inputs[index] ?? this.fail(`operand ${index} is missing`);
  }

  one(): Node {
    this.require(this.inputs.length === 1, "takes one operand");
    return this.operand(0);
  }

  two(): [Node, Node] {
    this.require(this.inputs.length === 2, "takes two operands");
    return [this.operand(0), this.operand(1)];
  }

  three(): [Node, Node, Node] {
    this.require(this.inputs.length === 3, "takes three operands");
    return [this.operand(0), this.operand(1), this.operand(2)];
  }

  dtype(node: Node, allowed: readonly DType[]): void {
    this.require(allowed.includes(node.dtype), `takes ${allowed.join(", ")}`);
  }

  same(a: Node, b: Node): void {
    this.require(a.dtype === b.dtype && sameShape(a.shape, b.shape), "operands differ in type");
  }

  /** Returns the size along `axis`, which must exist. */
  size(node: TensorType, axis: number): number {
    return node.shape[axis] ?? this.fail(`no axis ${axis}`);
  }

  /** Checks that `axes` are distinct axes of `node`, in rising order if `sorted`. */
  axes(node: TensorType, axes: readonly number[], sorted: boolean): void {
    axes.forEach((axis, place) => {
      this.require(Number.isInteger(axis) && axis >= 0 && axis < node.shape.length, `no axis ${axis}`);
      const before = axes.slice(0, place);
      this.require(!before.includes(axis), `axis ${axis} twice`);
      this.require(!sorted || place === 0 || axis > Number(axes[place - 1]), "axes out of order");
    });
  }

  validShape(shape: Shape): void {
    this.require(
      shape.every((size) => Number.isInteger(size) && size >= 0),
      `[${shape.join(", ")}] is not a shape`,
    );
  }

  /** Checks that an operand is [n, c, h, w] and returns these sizes. */
  images(node: Node): [number, number, number, number] {
    this.require(node.dtype === "f32" && node.shape.length === 4, "takes f32 [n, c, h, w]");
    return [this.size(node, 0), this.size(node, 1), this.size(node, 2), this.size(node, 3)];
  }

  vector(node: Node, length: number): void {
    this.require(node.dtype === "f32" && sameShape(node.shape, [length]), `takes f32 [${length}]`);
  }
}
