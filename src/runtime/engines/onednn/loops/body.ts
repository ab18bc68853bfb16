/** Writes the body of a loop: the value of a node at an index, as JavaScript over the arrays of the nodes that are in memory. */
import type { DType, Node } from "../../../../compiler/tensor/ir.js";
import { type Affine, text } from "./affine.js";
import { type Factors, placeOf } from "./layout.js";

/** A node that is in memory: the number of its array among the arguments of the loop, and the places of its elements. */
export interface Stored {
  readonly array: number;
  readonly factors: Factors;
}

/** Thrown if a node cannot be read or computed at an index; it has to be written to memory in row-major order before the loop. */
export class NotAffine extends Error {
  constructor(readonly node: Node) {
    super(`${node.op} has no affine index`);
  }
}

export interface Load {
  readonly array: number;
  readonly place: Affine;
  /** An additional place that is read from memory, as JavaScript. */
  readonly dynamic: string | undefined;
  readonly name: string;
}

export class Body {
  readonly lines: (string | Load)[] = [];
  private readonly known = new Map<string, string>();
  private names = 0;

  constructor(
    readonly sizes: readonly number[],
    /** Returns where a node is in memory, or undefined if its value is to be computed in the loop. */
    private readonly stored: (node: Node) => Stored | undefined,
    /** Returns the value of a node that is not in memory. @throws NotAffine */
    private readonly computed: (body: Body, node: Node, index: readonly Affine[]) => string,
  ) {}

  /** Returns the value of a node at an index, as the name of a variable or a literal. @throws NotAffine */
  value(node: Node, index: readonly Affine[]): string {
    const key = `${node.id}@${index.map((each) => text(each)).join()}`;
    return this.once(key, () => {
      const memory = this.stored(node);
      if (memory === undefined) return this.computed(this, node, index);
      const place = placeOf(memory.factors, index, this.sizes);
      if (place === undefined) throw new NotAffine(node);
      return this.load(memory.array, place);
    });
  }

  /** Returns the element at a place of an array. */
  load(array: number, place: Affine, dynamic?: string): string {
    return this.once(`${array}[${text(place)}${dynamic === undefined ? "" : `,${dynamic}`}]`, () => {
      const name = this.name();
      this.lines.push({ array, place, dynamic, name });
      return name;
    });
  }

  /** Returns an element of one of the arrays that the body was made with; `dynamic` is added to its place. */
  element({ array, factors }: Stored, index: readonly Affine[], dynamic?: string): string {
    const place = placeOf(factors, index, this.sizes);
    if (place === undefined) throw new RangeError("an element has no affine place");
    return this.load(array, place, dynamic);
  }

  /** Returns a node that must be in memory in row-major order. @throws NotAffine if it is not. */
  rowMajor(node: Node): Stored {
    const memory = this.stored(node);
    if (memory === undefined || memory.factors.some((parts) => parts.length !== 1)) throw new NotAffine(node);
    return memory;
  }

  /**
   * Names the value of an expression. Integers wrap as their type does. Reals keep the 64 bits of JavaScript's numbers until they are
   * written to memory; a node that is computed within a loop has one reader, so nothing else holds another rounding of it.
   */
  define(dtype: DType, expression: string): string {
    const name = this.name();
    this.lines.push(`const ${name}=${wrapped(dtype, expression)};`);
    return name;
  }

  private once(key: string, make: () => string): string {
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.known.set(key, made);
    return made;
  }

  private name(): string {
    return `v${this.names++}`;
  }
}

/** Returns the expression, wrapped to its type as an array of that type would wrap it. */
function wrapped(dtype: DType, expression: string): string {
  switch (dtype) {
    case "f32":
    case "bool":
      return expression;
    case "i32":
      return `(${expression})|0`;
    case "u32":
      return `(${expression})>>>0`;
    case "u8":
      return `(${expression})&255`;
  }
}
