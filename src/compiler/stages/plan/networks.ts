/** Networks in a plan: layer by layer, with shapes and parameters. */
import type { Axis, Layer, LayerOp, Learn, Metric, Network, OwnNetwork, Slot } from "../../typed/tree.js";
import { layersOf } from "../../typed/walk.js";
import type { LayerOpPlan, LayerPlan, LearnedPlan, NetworkPlan, Size, SizedAxis } from "./report.js";

/** The axis whose size is unknown in a head over classes that nobody has counted. */
const classAxis = "class";

interface Counted {
  /** False if nobody has counted the classes: every size that is theirs is unknown. */
  readonly counted: boolean;
}

export function networkPlan(
  slot: "encoder" | "head",
  { value, from, frozen }: Slot<Network>,
  { counted }: Counted = { counted: true },
): NetworkPlan {
  return {
    slot,
    name: value.name,
    from,
    frozen,
    input: value.input,
    layers: layerPlans(value, { prefix: "", counted }),
    learned: [],
    parameters: counted ? trainableSize(value) : "unknown",
  };
}

export function metricPlan({ value, from, frozen }: Slot<Metric>, encoder: Network): NetworkPlan {
  const classify = value.entries["classify"];
  return {
    ...learnsPlan("metric", value.name, value.learns, encoder),
    from,
    frozen,
    ...(classify?.random === true ? { sampled: true } : {}),
    ...(classify?.transductive === true ? { transductive: true, assumes: classify.assumes } : {}),
  };
}

/** Plans learned values. Those that a loss learns (`learn`) have no name of their own. */
export function learnsPlan(
  slot: "metric" | "learn",
  name: string | undefined,
  learns: readonly Learn[],
  encoder: Network,
): NetworkPlan {
  const modules = learns.flatMap((learn) => (learn.kind === "module" ? [learn] : []));
  const sizeOf = (own: OwnNetwork): number => {
    const network = own.kind === "slot" ? encoder : modules.find((module) => module.name === own.name)?.network;
    return network === undefined ? 0 : trainableSize(network);
  };
  const learned = learns.flatMap((learn): LearnedPlan[] => {
    switch (learn.kind) {
      case "tensor":
        return [
          {
            path: learn.name,
            shape: learn.axes.map((axis) => axis.size),
            ...(learn.fixed === true ? { fixed: learn.fixed } : {}),
          },
        ];
      case "like":
        return [{ path: learn.name, shape: [learn.of.reduce((n, own) => n + sizeOf(own), 0)] }];
      case "module":
        return [];
    }
  });
  return {
    slot,
    name,
    from: undefined,
    frozen: false,
    input: undefined,
    layers: modules.flatMap((learn) => layerPlans(learn.network, { prefix: `${learn.name}.`, counted: true })),
    learned,
    parameters:
      modules.reduce((n, learn) => n + trainableSize(learn.network), 0) +
      learned.reduce((n, { shape, fixed }) => n + (fixed === true ? 0 : elements(shape)), 0),
  };
}

function layerPlans(network: Network, { prefix, counted }: Counted & { readonly prefix: string }): LayerPlan[] {
  return layersOf(network).map(({ layer, depth }) => {
    const known = counted || !layer.output.some(({ name }) => name === classAxis);
    return {
      path: `${prefix}${layer.path}`,
      op: opPlan(layer.op, known),
      depth,
      output: known ? layer.output : layer.output.map(withoutClasses),
      as: layer.outputName,
      parameters: known ? layerSize(network, layer) : "unknown",
    };
  });
}

/** The op without the layers inside it. `known` is false if its number of outputs is the number of uncounted classes. */
function opPlan(op: LayerOp, known: boolean): LayerOpPlan {
  switch (op.kind) {
    case "residual":
      return { kind: op.kind };
    case "parallel":
      return { kind: op.kind, along: op.along };
    case "formula":
      return { kind: op.kind, name: op.name };
    case "linear":
    case "cosine_linear": {
      const out: Size = !known && op.outAxis === classAxis ? "unknown" : op.out;
      return { ...op, out };
    }
    default:
      return op;
  }
}

const withoutClasses = (axis: Axis): SizedAxis =>
  axis.name === classAxis ? { name: axis.name, size: "unknown" } : axis;

function layerSize({ weights }: Network, { path }: Layer): number {
  return weights
    .filter((w) => w.trainable && w.path.slice(0, w.path.lastIndexOf(".")) === path)
    .reduce((n, w) => n + elements(w.shape), 0);
}

/** Returns the paths of the batch norms. */
export function batchNorms(network: Network): string[] {
  return layersOf(network).flatMap(({ layer: { op, path } }) => (op.kind === "batch_norm" ? [path] : []));
}

export const elements = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);
const trainableSize = (network: Network): number =>
  network.weights.filter((w) => w.trainable).reduce((n, w) => n + elements(w.shape), 0);
