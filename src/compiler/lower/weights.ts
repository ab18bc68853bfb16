/** The weights of a stage: their initial values, and their inputs in programs. */
import { CompilerBug } from "../../common/bug.js";
import { type Key, keyOf, normal, uniform } from "../../common/random/threefry.js";
import type { Graph } from "../tensor/graph.js";
import type { Node } from "../tensor/ir.js";
import { elementCount } from "../tensor/shape.js";
import type { Initializer } from "../typed/tree.js";
import type { WeightDecl } from "../typed/weights.js";

/** A tensor on the host. The `HostTensor` of the runtime has the same shape. */
export interface HostWeight {
  readonly shape: readonly number[];
  readonly dtype: "f32";
  readonly data: Float32Array;
}

/**
 * Returns the initial values of the weights that come from no other stage and no file. They are drawn in f64 and rounded
 * once. The numbers of a weight depend on the seed and its path only, so they stay the same if a hyperparameter or another
 * layer changes.
 */
export function initialWeights(decls: readonly WeightDecl[], seed: number): Record<string, HostWeight> {
  const out: Record<string, HostWeight> = {};
  for (const decl of decls) {
    if (decl.from !== undefined || decl.file !== undefined) continue;
    out[decl.path] = { shape: decl.shape, dtype: "f32", data: draw(decl, seed) };
  }
  return out;
}

function draw(decl: WeightDecl, seed: number): Float32Array {
  const { init } = decl;
  const data = new Float32Array(elementCount(decl.shape));
  if (init.kind === "constant") return data.fill(init.value);
  const key = keyOf(seed, "init", decl.path);
  for (let i = 0; i < data.length; i++) data[i] = drawn(init, key, i);
  return data;
}

function drawn(init: Exclude<Initializer, { kind: "constant" }>, key: Key, i: number): number {
  switch (init.kind) {
    case "normal":
      return init.mean + init.std * normal(key, i);
    case "uniform":
      return init.low + (init.high - init.low) * uniform(key, i);
    case "signs":
      return uniform(key, i) < 0.5 ? -1 : 1;
    case "labels":
      return Math.floor(uniform(key, i) * init.count);
  }
}

/** The program inputs of declared weights. Each is made when it is first used. */
export class WeightTable {
  private readonly decls: ReadonlyMap<string, WeightDecl>;
  private readonly nodes = new Map<string, Node<"input">>();

  constructor(
    private readonly graph: Graph,
    decls: readonly WeightDecl[],
  ) {
    this.decls = new Map(decls.map((decl) => [decl.path, decl]));
  }

  /** Returns the input of a weight. @throws CompilerBug if no such weight is declared. */
  node(path: string): Node<"input"> {
    const known = this.nodes.get(path);
    if (known !== undefined) return known;
    const decl = this.decls.get(path);
    if (decl === undefined) throw new CompilerBug(`no weight ${path} is declared`);
    const node = this.graph.input(path, decl.shape, "f32");
    this.nodes.set(path, node);
    return node;
  }

  /** The weights that have been used, in the order of first use. */
  get used(): readonly WeightDecl[] {
    return [...this.nodes.keys()].flatMap((path) => this.decls.get(path) ?? []);
  }
}

/** Returns the axes of a weight of any rank, under names that no file can write. */
export const weightAxes = (shape: readonly number[]): string[] => shape.map((_, i) => `·w${i}`);
