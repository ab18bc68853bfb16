/** The weights of a stage: which there are, where they come from, and their initial values. */
import type { Span } from "../../../grammar/ast.js";
import { CompilerBug } from "../bug.js";
import type { Graph } from "../tensor/graph.js";
import type { Node } from "../tensor/ir.js";
import { elementCount } from "../tensor/shape.js";
import type { Initializer, Learn, MetaStage, Metric, Network, PretrainStage, Slot } from "../typed.js";
import { keyOf, normal, uniform } from "./random.js";

/** One tensor of a stage's slots; a program input for it has its path for a name. */
export interface WeightDecl {
  /** `encoder.…`, `head.…`, `metric.…`; another stage's, called in a loss: `stage:<id>:encoder.…`. */
  readonly path: string;
  readonly shape: readonly number[];
  /** Of the stored number: a `positive` weight is stored as its logarithm. */
  readonly init: Initializer;
  /** False for running statistics: state that no optimizer touches. */
  readonly trainable: boolean;
  /** A weight of a finished stage, copied. */
  readonly from?: { readonly stage: string; readonly slot: string; readonly path: string };
  /** A tensor of a file of the project, by its name there. */
  readonly file?: { readonly path: string; readonly digest: string; readonly name: string; readonly span: Span };
}

/** A tensor on the host; the runtime's `HostTensor` has this shape. */
export interface HostWeight {
  readonly shape: readonly number[];
  readonly dtype: "f32";
  readonly data: Float32Array;
}

/** The weights of a slot, those that start from a file marked. */
function slotWeights({ file }: Pick<Slot<unknown>, "file">, decls: WeightDecl[]): WeightDecl[] {
  if (file === undefined) return decls;
  const { path, digest, names, span } = file;
  return decls.map((decl) => {
    const name = names[decl.path];
    return name === undefined ? decl : { ...decl, file: { path, digest, name, span } };
  });
}

/** The weights of an encoder's slot. */
export function encoderWeights(slot: Slot<Network>): WeightDecl[] {
  return slotWeights(slot, networkWeights("encoder", slot.value, slot.from));
}

export function networkWeights(slot: string, network: Network, origin?: Slot<unknown>["from"]): WeightDecl[] {
  return network.weights.map((w) => ({
    path: `${slot}.${w.path}`,
    shape: w.shape,
    init: w.init,
    trainable: w.trainable,
    ...(origin ? { from: { ...origin, path: `${origin.slot}.${w.path}` } } : {}),
  }));
}

export function metricWeights(slot: Pick<Slot<Metric>, "value" | "from" | "file">, encoder: Network): WeightDecl[] {
  const decls = slot.value.learns
    .flatMap((learn) => learnWeights(learn, slot.value.learns, encoder))
    .map((decl) => {
      const path = `metric.${decl.path}`;
      return { ...decl, path, ...(slot.from ? { from: { ...slot.from, path } } : {}) };
    });
  return slotWeights(slot, decls);
}

const under =
  (slot: string) =>
  (decl: WeightDecl): WeightDecl => ({ ...decl, path: `${slot}.${decl.path}` });

function learnWeights(learn: Learn, beside: readonly Learn[], encoder: Network): WeightDecl[] {
  switch (learn.kind) {
    case "tensor":
      return [
        {
          path: learn.name,
          shape: learn.axes.map((axis) => axis.size),
          init: stored(learn.init, learn.positive),
          trainable: true,
        },
      ];
    case "module":
      return networkWeights(learn.name, learn.network);
    case "like":
      return learn.of
        .flatMap((of) => {
          if (of.kind === "slot") return networkWeights("encoder", encoder);
          const module = beside.find((other) => other.name === of.name);
          return module?.kind === "module" ? networkWeights(module.name, module.network) : [];
        })
        .filter(({ trainable }) => trainable)
        .map(({ path, shape }) => ({
          path: `${learn.name}.${path}`,
          shape,
          init: stored(learn.init, learn.positive),
          trainable: true,
        }));
  }
}

/** A positive weight holds the logarithm of its value; a drawn one draws the logarithm. */
function stored(init: Initializer, positive: boolean): Initializer {
  return positive && init.kind === "constant" ? { kind: "constant", value: Math.log(init.value) } : init;
}

/** Every weight of a stage's own slots, in slot order. */
export function stageWeights(stage: PretrainStage | MetaStage): WeightDecl[] {
  const encoder = encoderWeights(stage.encoder);
  return stage.kind === "pretrain"
    ? [
        ...encoder,
        ...slotWeights(stage.head, networkWeights("head", stage.head.value, stage.head.from)),
        ...stage.learns.flatMap((learn) => learnWeights(learn, stage.learns, stage.encoder.value)).map(under("learn")),
      ]
    : [...encoder, ...metricWeights(stage.metric, stage.encoder.value)];
}

/**
 * Initial values of the fresh weights (those without `from`), drawn in f64 and rounded once. The stream of a weight
 * depends on the seed and its path only, so changing a hyper-parameter or another layer leaves it as it was.
 */
export function initialWeights(decls: readonly WeightDecl[], seed: number): Record<string, HostWeight> {
  const out: Record<string, HostWeight> = {};
  for (const decl of decls) {
    if (decl.from || decl.file) continue;
    out[decl.path] = { shape: decl.shape, dtype: "f32", data: draw(decl, seed) };
  }
  return out;
}

function draw(decl: WeightDecl, seed: number): Float32Array {
  const { init } = decl;
  const data = new Float32Array(elementCount(decl.shape));
  if (init.kind === "constant") return data.fill(init.value);
  const key = keyOf(seed, "init", decl.path);
  for (let i = 0; i < data.length; i++) {
    data[i] =
      init.kind === "normal"
        ? init.mean + init.std * normal(key, i)
        : init.low + (init.high - init.low) * uniform(key, i);
  }
  return data;
}

/** Program inputs for declared weights, made when they are first used. */
export class WeightTable {
  private readonly decls: ReadonlyMap<string, WeightDecl>;
  private readonly nodes = new Map<string, Node<"input">>();

  constructor(
    private readonly graph: Graph,
    decls: readonly WeightDecl[],
  ) {
    this.decls = new Map(decls.map((decl) => [decl.path, decl]));
  }

  node(path: string): Node<"input"> {
    const known = this.nodes.get(path);
    if (known) return known;
    const decl = this.decls.get(path);
    if (!decl) throw new CompilerBug(`no weight ${path} is declared`);
    const node = this.graph.input(path, decl.shape, "f32");
    this.nodes.set(path, node);
    return node;
  }

  /** Those that something has used, in the order of first use. */
  get used(): readonly WeightDecl[] {
    return [...this.nodes.keys()].flatMap((path) => this.decls.get(path) ?? []);
  }
}

/** Axes of a weight of any rank, under names that no file can write. */
export const weightAxes = (shape: readonly number[]): string[] => shape.map((_, i) => `·w${i}`);

/** Prefix of the weights of a finished stage that a loss calls. */
export const stagePrefix = (id: string): string => `stage:${id}:`;
