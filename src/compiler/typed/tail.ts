/** A network from one of its layers on. */
import type { Axis, Layer, Network } from "./tree.js";

/** The top-level layer of this name: that of its output, or its own. */
export function layerAt(network: Network, name: string): Layer | undefined {
  return network.layers.find(({ outputName, path }) => outputName === name || path === name);
}

/** What follows the layer of this name: it takes that layer's values, and has the outputs that come after. */
export function tailOf(network: Network, name: string): Network | undefined {
  const layer = layerAt(network, name);
  if (layer === undefined) return undefined;
  const layers = network.layers.slice(network.layers.indexOf(layer) + 1);
  const named = new Set(layers.flatMap(({ outputName }) => outputName ?? []));
  const outputs = Object.fromEntries(
    Object.entries(network.outputs).filter(([output]): boolean => named.has(output)),
  ) satisfies Record<string, readonly Axis[]>;
  return { ...network, input: layer.output, layers, outputs };
}
