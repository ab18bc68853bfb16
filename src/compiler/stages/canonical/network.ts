/** The canonical form of a network: its layers and weights without derived shapes. */
import type { Layer, Network } from "../../typed/tree.js";
import { type Canonical, plain } from "./value.js";

export function canonicalNetwork(network: Network): Canonical {
  return {
    input: plain(network.input),
    layers: canonicalLayers(network.layers),
    outputs: plain(network.outputs),
    weights: plain(network.weights),
  };
}

function canonicalLayers(layers: readonly Layer[]): Canonical {
  return layers.map(({ path, outputName, op }): Canonical => {
    const head = { path, output: outputName ?? null };
    switch (op.kind) {
      case "residual":
        return { ...head, kind: op.kind, body: canonicalLayers(op.body), shortcut: canonicalLayers(op.shortcut) };
      case "parallel":
        return { ...head, kind: op.kind, along: op.along, branches: op.branches.map(canonicalLayers) };
      default:
        return { ...head, op: plain(op) };
    }
  });
}
