/** Networks in a plan: layer by layer, with shapes and parameters. */

import { axesText, layerText } from "../typed/describe.js";
import type { Layer, Learn, Metric, Network, OwnNetwork, Slot } from "../typed/tree.js";
import type { LayerPlan, NetworkPlan } from "./report.js";

export function networkPlan(slot: "encoder" | "head", { value, from, frozen }: Slot<Network>): NetworkPlan {
  return {
    slot,
    name: value.name,
    from: from !== undefined ? `${from.stage}.${from.slot}` : undefined,
    frozen,
    input: axesText(value.input),
    layers: layerPlans(value, ""),
    learned: [],
    parameters: trainableSize(value),
  };
}

export function metricPlan({ value, from, frozen }: Slot<Metric>, encoder: Network): NetworkPlan {
  const classify = value.entries["classify"];
  return {
    ...learnsPlan("metric", value.name, value.learns, encoder),
    from: from !== undefined ? `${from.stage}.${from.slot}` : undefined,
    frozen,
    ...(classify?.transductive === true ? { transductive: true, assumes: classify.assumes } : {}),
  };
}

export function learnsPlan(
  slot: "metric" | "learn",
  name: string,
  learns: readonly Learn[],
  encoder: Network,
): NetworkPlan {
  const modules = learns.flatMap((learn) => (learn.kind === "module" ? [learn] : []));
  const sizeOf = (own: OwnNetwork): number => {
    const network = own.kind === "slot" ? encoder : modules.find((module) => module.name === own.name)?.network;
    return network === undefined ? 0 : trainableSize(network);
  };
  const learned = learns.flatMap((learn) => {
    if (learn.kind === "tensor") return [{ path: learn.name, shape: learn.axes.map((axis) => axis.size) }];
    if (learn.kind === "like") return [{ path: learn.name, shape: [learn.of.reduce((n, own) => n + sizeOf(own), 0)] }];
    return [];
  });
  return {
    slot,
    name,
    from: undefined,
    frozen: false,
    input: "",
    layers: modules.flatMap((learn) => layerPlans(learn.network, `${learn.name}.`)),
    learned,
    parameters:
      modules.reduce((n, learn) => n + trainableSize(learn.network), 0) +
      learned.reduce((n, { shape }) => n + elements(shape), 0),
  };
}

function layerPlans(network: Network, prefix: string): LayerPlan[] {
  return layerList(network.layers, 0).map(([layer, depth]) => ({
    path: `${prefix}${layer.path}`,
    what: layerText(layer.op),
    depth,
    output: axesText(layer.output),
    as: layer.outputName,
    parameters: network.weights
      .filter((w) => w.trainable && w.path.slice(0, w.path.lastIndexOf(".")) === layer.path)
      .reduce((n, w) => n + elements(w.shape), 0),
  }));
}

export function layerList(layers: readonly Layer[], depth: number): (readonly [Layer, number])[] {
  return layers.flatMap((layer): (readonly [Layer, number])[] => {
    const { op } = layer;
    const inner =
      op.kind === "residual" ? [...op.body, ...op.shortcut] : op.kind === "parallel" ? op.branches.flat() : [];
    return [[layer, depth], ...layerList(inner, depth + 1)];
  });
}

/** Paths of the batch norms. */
export function batchNorms(network: Network): string[] {
  return layerList(network.layers, 0).flatMap(([{ op, path }]) => (op.kind === "batch_norm" ? [path] : []));
}

/** A head over classes that nobody has counted: every size that is theirs is a question mark. */
export function withoutClasses(plan: NetworkPlan, classes: number): NetworkPlan {
  const layers = plan.layers.map((layer): LayerPlan => {
    if (!layer.output.includes("class=")) return layer;
    const { parameters: _, ...rest } = layer;
    return {
      ...rest,
      output: layer.output.replace(/class=\d+/, "class=?"),
      what: layer.what.replace(`→ ${classes}`, "→ ?"),
    };
  });
  const { parameters: _, ...rest } = plan;
  return { ...rest, layers };
}

export const elements = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);
const trainableSize = (network: Network): number =>
  network.weights.filter((w) => w.trainable).reduce((n, w) => n + elements(w.shape), 0);
