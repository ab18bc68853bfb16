/** Splits a network after one of its layers. */
import type { Axis, Layer, Network } from "./tree.js";

/** Returns the top-level layer with this name or with an output of this name. */
export function layerAt(network: Network, name: string): Layer | undefined {
  return network.layers.find(({ outputName, path }) => outputName === name || path === name);
}

/** Returns the network after the layer of this name. It takes the values of that layer and has the outputs after it. */
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
