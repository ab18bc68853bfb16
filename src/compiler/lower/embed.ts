/** The program that embeds single images with running statistics. Evaluation runs it once per image. */
import { own } from "../../common/own.js";
import { Graph } from "../tensor/graph.js";
import type { Program } from "../tensor/ir.js";
import type { Dataset, Network } from "../typed/tree.js";
import { networkWeights } from "../typed/weights.js";
import { imageInput, lowerImages } from "./images.js";
import { NamedOps } from "./named-tensor.js";
import { Calls } from "./networks/calls.js";
import { assemble } from "./program.js";
import { WeightTable } from "./weights.js";

export interface EmbedOptions {
  /** The number of images in one run. */
  readonly batch: number;
  /** The names of the wanted outputs of the network. */
  readonly outputs: readonly string[];
  /** The prefix of the paths of the weights. */
  readonly slot: "encoder";
}

/**
 * Returns the program with the feed `images` u8 [batch, C, H, W], weights by path, and host outputs f32 [batch, …] by the
 * name of the output of the network.
 */
export function lowerEmbed(network: Network, dataset: Dataset, { batch, outputs, slot }: EmbedOptions): Program {
  const ops = new NamedOps(new Graph());
  const axis = "·image";
  const images = lowerImages(ops, imageInput(ops, "images", dataset, batch), dataset.eval, axis);
  const calls = new Calls(ops, {
    weights: new WeightTable(ops.graph, networkWeights(slot, network)),
    encoder: { prefix: slot, network, frozen: true },
  });
  const host = Object.fromEntries(
    outputs.map((name) => {
      const value = calls.apply({
        target: { kind: "slot", slot: "encoder" },
        x: images,
        output: name,
        norm: "running",
      });
      const inner = (own(network.outputs, name) ?? []).map((own) => own.name);
      return [name, ops.order(value, [axis, ...inner]).node];
    }),
  );
  return assemble({ name: `embed ${network.name}`, host, feeds: ["images"] });
}
