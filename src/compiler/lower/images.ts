/** Images at the entry of a program: u8 planes become normalized f32, and vectors stay what they are. */
import { CompilerBug } from "../../common/bug.js";
import type { Node } from "../tensor/ir.js";
import type { Dataset, Transform } from "../typed/tree.js";
import type { NamedOps, NamedTensor } from "./named-tensor.js";

/** The axes of one image. */
export const imageAxes = ["channel", "height", "width"] as const;

/**
 * Converts u8 [n, channel, height, width] to f32 with the axis `axis` for n: x / 255, then (x − mean) / std if the chain of
 * transforms ends in `normalize`. The loader applies the transforms before it. Both together are one affine map per channel.
 * Vectors are f32 already and have no transforms.
 */
export function lowerImages(ops: NamedOps, images: Node, chain: readonly Transform[], axis: string): NamedTensor {
  const { t } = ops;
  const axes = [axis, ...imageAxes];
  if (images.dtype === "f32") return ops.of(images, axes);
  const real = t.cast(images, "f32");
  const normalize = chain.at(-1);
  if (normalize?.op !== "normalize") return ops.of(t.mul(real, 1 / 255), axes);
  const channels = images.shape[1] ?? 0;
  const at = (values: readonly number[], channel: number): number => {
    const value = values.length === 1 ? values[0] : values[channel];
    if (value === undefined) throw new CompilerBug(`normalize has no value for channel ${channel}`);
    return value;
  };
  const each = (value: (channel: number) => number): Node =>
    t.constant(
      [channels],
      Array.from({ length: channels }, (_, channel) => value(channel)),
    );
  const scale = each((c) => 1 / (255 * at(normalize.std, c)));
  const shift = each((c) => -at(normalize.mean, c) / at(normalize.std, c));
  return ops.of(t.channelAffine(real, scale, shift), axes);
}

/** Adds the input of images of a dataset with these batch axes: u8, or f32 for vectors. */
export function imageInput({ t }: NamedOps, name: string, dataset: Dataset, ...batch: readonly number[]): Node {
  return t.input(name, imageShape(dataset, ...batch), dataset.image.values ?? "u8");
}

/** Returns the shape of images of a dataset with these batch axes. */
export function imageShape(dataset: Dataset, ...batch: readonly number[]): number[] {
  const { channels, height, width } = dataset.image;
  return [...batch, channels, height, width];
}
