/** The canonical form of a network: its layers and weights without derived shapes. */
import { CompilerBug } from "../../../common/bug.js";
import type { Layer, Network } from "../../typed/tree.js";
import { AxisNames } from "./axes.js";
import { canonicalBlock } from "./block.js";
import { canonicalTensor } from "./tensor.js";
import { type Canonical, plain } from "./value.js";

export function canonicalNetwork(network: Network): Canonical {
  return {
    input: plain(network.input),
    layers: canonicalLayers(network.layers),
    outputs: plain(network.outputs),
    weights: plain(network.weights),
  };
}

function noStage(stage: string): string {
  throw new CompilerBug(`a layer calls the stage ${stage}`);
}

function canonicalLayers(layers: readonly Layer[]): Canonical {
  return layers.map(({ path, outputName, op, input, output }): Canonical => {
    const head = { path, output: outputName ?? null };
    switch (op.kind) {
      case "residual":
        return { ...head, kind: op.kind, body: canonicalLayers(op.body), shortcut: canonicalLayers(op.shortcut) };
      case "parallel":
        return { ...head, kind: op.kind, along: op.along, branches: op.branches.map(canonicalLayers) };
      case "formula": {
        const names = AxisNames.of(
          [],
          [...input, ...output].map(({ name }) => name),
        );
        const learns = op.learns.map((learn) => canonicalTensor(learn, names));
        return {
          ...head,
          kind: op.kind,
          learns,
          body: canonicalBlock(op.body, { axes: names, params: [op.input], output: noStage }),
        };
      }
      default:
        return { ...head, op: plain(op) };
    }
  });
}
