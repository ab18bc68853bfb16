/** The bytes of one image or vector. */
import type { ImageSize } from "./tree.js";

/** Returns the count of bytes of one image: a byte for each value, or four for each number of a vector. */
export function bytesOf({ channels, height, width, values }: ImageSize): number {
  return channels * height * width * (values === undefined ? 1 : Float32Array.BYTES_PER_ELEMENT);
}

/** Returns the size of an image as a pack stores it. A vector is stored as a row of bytes, which no transform changes. */
export function storedSize(image: ImageSize): ImageSize {
  return image.values === undefined ? image : { channels: 1, height: 1, width: bytesOf(image) };
}
