/** Transforms that keep a part of an image: the box around an object, or everything above a banner. */

import type { Box } from "../box.js";
import { type Pixels, pixels } from "../pixels.js";

/** Drops the lowest `bottom` rows. At least one row stays. */
export function trimmed(image: Pixels, bottom: number): Pixels {
  return window(image, 0, 0, Math.max(1, image.height - bottom), image.width);
}

/**
 * Keeps the box around an object and `pad` of its longer side on each side of it, as far as the image goes. A box that lies outside of the
 * image changes nothing, because it says nothing of this image.
 */
export function boxed(image: Pixels, { left, top, width, height }: Box, pad: number): Pixels {
  const more = pad * Math.max(width, height);
  const firstX = Math.max(0, Math.round(left - more));
  const firstY = Math.max(0, Math.round(top - more));
  const endX = Math.min(image.width, Math.round(left + width + more));
  const endY = Math.min(image.height, Math.round(top + height + more));
  if (endX <= firstX || endY <= firstY) return image;
  return window(image, firstY, firstX, endY - firstY, endX - firstX);
}

function window(image: Pixels, top: number, left: number, height: number, width: number): Pixels {
  if (height === image.height && width === image.width) return image;
  const out = pixels(image.channels, height, width);
  for (let c = 0; c < image.channels; c++)
    for (let y = 0; y < height; y++) {
      const from = (c * image.height + top + y) * image.width + left;
      out.data.set(image.data.subarray(from, from + width), (c * height + y) * width);
    }
  return out;
}
