/** Defines images in memory and exact operations on them. Nothing here interpolates or draws random numbers. */

/** An image as channel-planar bytes: `data[(c · height + y) · width + x]` is from 0 to 255. */
export interface Pixels {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

export function pixels(channels: number, height: number, width: number): Pixels {
  return { channels, height, width, data: new Uint8Array(channels * height * width) };
}

/**
 * Takes the window of `size` × `size` pixels whose corner is (top, left). Pixels outside of the image are its nearest edge
 * pixels, so that drawings on white get no black border that the test never shows.
 */
export function crop(image: Pixels, top: number, left: number, size: number): Pixels {
  const { channels, height, width, data } = image;
  if (top === 0 && left === 0 && size === height && size === width) return image;
  const out = pixels(channels, size, size);
  const firstX = Math.min(width - 1, Math.max(0, left));
  const endX = Math.max(firstX + 1, Math.min(width, left + size));
  const before = Math.min(size, Math.max(0, firstX - left));
  const inside = Math.max(0, Math.min(size - before, endX - firstX));
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < size; y++) {
      const from = (c * height + Math.min(height - 1, Math.max(0, top + y))) * width;
      const to = (c * size + y) * size;
      if (before > 0) out.data.fill(data[from + firstX] as number, to, to + before);
      out.data.set(data.subarray(from + firstX, from + firstX + inside), to + before);
      if (before + inside < size) out.data.fill(data[from + endX - 1] as number, to + before + inside, to + size);
    }
  }
  return out;
}

/** Exchanges left and right. */
export function mirror({ channels, height, width, data }: Pixels): Pixels {
  const out = pixels(channels, height, width);
  for (let row = 0; row < channels * height; row++) {
    const first = row * width;
    for (let x = 0; x < width; x++) out.data[first + x] = data[first + width - 1 - x] as number;
  }
  return out;
}

/** Turns an image counterclockwise by `turns` quarters. */
export function quarterTurn(image: Pixels, turns: 0 | 1 | 2 | 3): Pixels {
  if (turns === 0) return image;
  const { channels, height, width, data } = image;
  const out = turns === 2 ? pixels(channels, height, width) : pixels(channels, width, height);
  const plane = height * width;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const value = data[c * plane + y * width + x] as number;
        const to =
          turns === 1
            ? (width - 1 - x) * height + y
            : turns === 2
              ? (height - 1 - y) * width + (width - 1 - x)
              : x * height + (height - 1 - y);
        out.data[c * plane + to] = value;
      }
    }
  }
  return out;
}

/** Replaces three channels by the luma (ITU-R 601: 0.299 R + 0.587 G + 0.114 B). An image with one channel stays the same. */
export function grayscale(image: Pixels): Pixels {
  if (image.channels === 1) return image;
  const { height, width, data } = image;
  const out = pixels(1, height, width);
  const plane = height * width;
  for (let i = 0; i < plane; i++) out.data[i] = luma(data, plane, i) + 0.5;
  return out;
}

/** Returns the luma of pixel `i` of three planes, not rounded. */
export function luma(data: Uint8Array, plane: number, i: number): number {
  return 0.299 * (data[i] as number) + 0.587 * (data[plane + i] as number) + 0.114 * (data[2 * plane + i] as number);
}

export function invert(image: Pixels): Pixels {
  const out = pixels(image.channels, image.height, image.width);
  for (let i = 0; i < out.data.length; i++) out.data[i] = 255 - (image.data[i] as number);
  return out;
}

/** Converts an image to `channels`: it repeats one channel, or reduces three channels to one. */
export function withChannels(image: Pixels, channels: number): Pixels {
  if (image.channels === channels) return image;
  if (channels === 1) return grayscale(image);
  const out = pixels(channels, image.height, image.width);
  for (let c = 0; c < channels; c++)
    out.data.set(image.data.subarray(0, image.height * image.width), c * image.height * image.width);
  return out;
}

/** Converts interleaved samples, as decoders return them, to planes of one or three color channels without alpha. */
export function fromInterleaved(samples: Uint8Array, height: number, width: number, stride: number): Pixels {
  const channels = stride >= 3 ? 3 : 1;
  const out = pixels(channels, height, width);
  const plane = height * width;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < plane; i++) out.data[c * plane + i] = samples[i * stride + c] as number;
  }
  return out;
}

/** The largest distance from the most frequent value at which a sample still counts as having that value. */
const tolerance = 2;
/** The share of the samples of a channel that may have another value. A drawing of one thin line on white has more. */
const otherShare = 0.001;

/** Tells whether all pixels of an image, or nearly all, have one value. */
export function isFlat({ channels, height, width, data }: Pixels): boolean {
  const plane = height * width;
  const allowed = Math.floor(plane * otherShare);
  for (let c = 0; c < channels; c++) {
    const histogram = new Uint32Array(256);
    for (let i = c * plane; i < (c + 1) * plane; i++) {
      const value = data[i] as number;
      histogram[value] = (histogram[value] as number) + 1;
    }
    let mode = 0;
    for (let value = 1; value < 256; value++) {
      if ((histogram[value] as number) > (histogram[mode] as number)) mode = value;
    }
    const near = histogram.subarray(Math.max(0, mode - tolerance), mode + tolerance + 1);
    if (plane - near.reduce((sum, count) => sum + count, 0) > allowed) return false;
  }
  return true;
}
