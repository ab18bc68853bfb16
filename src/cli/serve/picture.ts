/** Makes pictures of the pixels that the encoder gets. */
import type { ImageSize } from "../../compiler/typed/tree.js";

/** Returns the bytes [channels, height, width] of an image as a PNG. */
export async function pictureOf(pixels: Uint8Array, { channels, height, width }: ImageSize): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  const plane = height * width;
  const interleaved = new Uint8Array(pixels.length);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < plane; i++) interleaved[i * channels + c] = pixels[c * plane + i] as number;
  return await sharp(interleaved, { raw: { width, height, channels: channels === 1 ? 1 : 3 } })
    .png()
    .toBuffer();
}
