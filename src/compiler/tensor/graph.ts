/** The graph in which nodes are made: it makes equal nodes once, infers types and knows the current span. */
import type { Span } from "../../../grammar/ast.js";
import { CompilerBug } from "../../common/bug.js";
import type { DType, Node, OpAttrs, OpName, Shape } from "./ir.js";
import { inferType } from "./shape.js";

/** Returns a number as text. -0 and 0 differ, though `===` does not tell them apart. */
function numberKey(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function attributeKey(value: unknown): string {
  if (typeof value === "number") return numberKey(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(attributeKey).join()}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([name, part]) => `${name}:${attributeKey(part)}`).join()}}`;
  }
  throw new CompilerBug(`an attribute is a ${typeof value}`);
}

/**
 * The nodes of one compilation. Equal uses (op, attributes, operands) are the same node, so a common subexpression exists
 * once. A node keeps the span with which it was first made.
 */
export class Graph {
  private readonly created: Node[] = [];
  private readonly byKey = new Map<string, Node>();
  private readonly inputs = new Map<string, Node<"input">>();
  private readonly constants = new Constants();
  private span: Span | undefined;

  /** Every node in the order of creation. Operands come before their users. */
  get nodes(): readonly Node[] {
    return this.created;
  }

  /** Runs `make`. The nodes made in it get the span `span` unless they name their own. */
  at<T>(span: Span | undefined, make: () => T): T {
    const before = this.span;
    this.span = span ?? before;
    try {
      return make();
    } finally {
      this.span = before;
    }
  }

  /**
   * Returns the node of an op with these operands and attributes.
   *
   * @throws CompilerBug if an operand is of another graph or the operands do not have the types that the op takes.
   */
  op<K extends OpName>(name: K, inputs: readonly Node[], attrs: OpAttrs[K], span?: Span): Node<K> {
    for (const input of inputs)
      if (this.created[input.id] !== input) throw new CompilerBug(`${name}: an operand is of another graph`);
    const key = `${name}|${inputs.map((input) => input.id).join()}|${this.attrsKey(name, attrs)}`;
    const known = this.byKey.get(key);
    if (known !== undefined) return known as Node<K>;
    const { shape, dtype } = inferType(name, inputs, attrs);
    const node = { id: this.created.length, op: name, inputs, attrs, shape, dtype, span: span ?? this.span };
    this.created.push(node as Node);
    this.byKey.set(key, node as Node);
    return node as Node<K>;
  }

  /**
   * Returns the input of this name.
   *
   * @throws CompilerBug if an input of this name and another type exists.
   */
  input(name: string, shape: Shape, dtype: DType, span?: Span): Node<"input"> {
    const node = this.op("input", [], { name, shape, dtype }, span);
    if ((this.inputs.get(name) ?? node) !== node) throw new CompilerBug(`two inputs are named ${name}`);
    this.inputs.set(name, node);
    return node;
  }

  private attrsKey<K extends OpName>(name: K, attrs: OpAttrs[K]): string {
    if (name !== "const") return attributeKey(attrs);
    const { shape, dtype, data } = attrs as OpAttrs["const"];
    return `${dtype}[${shape.join()}]#${this.constants.number(data)}`;
  }
}

/** Numbers the contents of constants. Equal contents have equal numbers. */
class Constants {
  private readonly buckets = new Map<string, { readonly data: OpAttrs["const"]["data"]; readonly number: number }[]>();
  private count = 0;

  number(data: OpAttrs["const"]["data"]): number {
    let hash = 0;
    for (const value of data) hash = (Math.imul(hash, 31) + Math.imul(value * 0x9e3779b1, 0x85ebca6b)) | 0;
    const key = `${data.length}:${hash}`;
    const bucket = this.buckets.get(key) ?? [];
    this.buckets.set(key, bucket);
    const known = bucket.find((entry) => entry.data.every((value, place) => Object.is(value, data[place])));
    if (known !== undefined) return known.number;
    const number = this.count++;
    bucket.push({ data, number });
    return number;
  }
}
