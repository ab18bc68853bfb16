/**
 * The loss of a JPEG file, without the file: an image is written and read as JPEG at some quality. Only sums, products and whole
 * numbers are used, so the bytes are the same on every machine. Entropy coding loses nothing and is left out.
 */
import { type Pixels, pixels } from "../pixels.js";

/** The tables of ITU-T T.81, Annex K, which nearly every encoder scales by its quality. */
const lumaTable = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
  87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
];
const chromaTable = [
  17,
  18,
  24,
  47,
  99,
  99,
  99,
  99,
  18,
  21,
  26,
  66,
  99,
  99,
  99,
  99,
  24,
  26,
  56,
  99,
  99,
  99,
  99,
  99,
  47,
  66,
  99,
  99,
  99,
  99,
  99,
  99,
  ...new Array<number>(32).fill(99),
];

/** Returns a table for a quality from 1 to 100, scaled as libjpeg does. */
function scaled(table: readonly number[], quality: number): number[] {
  const percent = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return table.map((value) => Math.min(255, Math.max(1, Math.floor((value * percent + 50) / 100))));
}

/** cos(k·π/16) for k from 0 to 8. */
const cosines = [
  1,
  0.9807852804032304,
  0.9238795325112867,
  0.8314696123025452,
  Math.SQRT1_2,
  0.5555702330196022,
  0.3826834323650898,
  0.19509032201612825,
  0,
];
/** The orthonormal cosine transform of eight numbers: row u, column x. */
const basis = Float64Array.from({ length: 64 }, (_, i) => {
  const [u, x] = [i >> 3, i & 7];
  if (u === 0) return (cosines[4] as number) / 2;
  const angle = ((2 * x + 1) * u) % 32;
  const folded = angle > 16 ? 32 - angle : angle;
  return (folded > 8 ? -(cosines[16 - folded] as number) : (cosines[folded] as number)) / 2;
});

/** One component, with sides that are multiples of eight. */
interface Plane {
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array;
}

/** Returns the image as a JPEG file of this quality keeps it, with the colors at half the resolution, as most files have them. */
export function compress(image: Pixels, quality: number): Pixels {
  const { channels, height, width, data } = image;
  const out = pixels(channels, height, width);
  const area = height * width;
  if (channels !== 3) {
    for (let c = 0; c < channels; c++) {
      const plane = coded(
        padded(data.subarray(c * area, (c + 1) * area), height, width, 8),
        scaled(lumaTable, quality),
      );
      for (let y = 0; y < height; y++)
        out.data.set(plane.data.subarray(y * plane.width, y * plane.width + width), c * area + y * width);
    }
    return out;
  }
  const [luma, blue, red] = components(data, height, width);
  const chroma = scaled(chromaTable, quality);
  const y = coded(padded(luma, height, width, 8), scaled(lumaTable, quality));
  const cb = coded(halved(padded(blue, height, width, 16)), chroma);
  const cr = coded(halved(padded(red, height, width, 16)), chroma);
  const rows = Math.ceil(height / 2);
  const columns = Math.ceil(width / 2);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const light = y.data[row * y.width + column] as number;
      const b = doubled(cb, row, column, rows, columns) - 128;
      const r = doubled(cr, row, column, rows, columns) - 128;
      const at = row * width + column;
      out.data[at] = byte(light + 1.402 * r);
      out.data[area + at] = byte(light - 0.344136286 * b - 0.714136286 * r);
      out.data[2 * area + at] = byte(light + 1.772 * b);
    }
  return out;
}

function byte(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.floor(value + 0.5);
}

/** Returns luma, blue and red difference of three planes (JFIF). */
function components(data: Uint8Array, height: number, width: number): [Uint8Array, Uint8Array, Uint8Array] {
  const area = height * width;
  const [luma, blue, red] = [new Uint8Array(area), new Uint8Array(area), new Uint8Array(area)];
  for (let i = 0; i < area; i++) {
    const [r, g, b] = [data[i] as number, data[area + i] as number, data[2 * area + i] as number];
    luma[i] = byte(0.299 * r + 0.587 * g + 0.114 * b);
    blue[i] = byte(128 - 0.168735892 * r - 0.331264108 * g + 0.5 * b);
    red[i] = byte(128 + 0.5 * r - 0.418687589 * g - 0.081312411 * b);
  }
  return [luma, blue, red];
}

/** Repeats the last row and column until both sides are multiples of `step`. */
function padded(data: Uint8Array, height: number, width: number, step: number): Plane {
  const plane = { height: Math.ceil(height / step) * step, width: Math.ceil(width / step) * step };
  const out = new Uint8Array(plane.height * plane.width);
  for (let y = 0; y < plane.height; y++)
    for (let x = 0; x < plane.width; x++)
      out[y * plane.width + x] = data[Math.min(y, height - 1) * width + Math.min(x, width - 1)] as number;
  return { ...plane, data: out };
}

/** Takes the mean of each 2 × 2 pixels; halves are rounded up and down in turn, as libjpeg does. */
function halved({ height, width, data }: Plane): Plane {
  const half = { height: height / 2, width: width / 2 };
  const out = new Uint8Array(half.height * half.width);
  for (let y = 0; y < half.height; y++)
    for (let x = 0; x < half.width; x++) {
      const at = 2 * y * width + 2 * x;
      const sum =
        (data[at] as number) +
        (data[at + 1] as number) +
        (data[at + width] as number) +
        (data[at + width + 1] as number);
      out[y * half.width + x] = (sum + 1 + (x & 1)) >> 2;
    }
  return { ...half, data: out };
}

/** Returns a pixel of a plane at twice its resolution: three parts of the nearest pixel, one of the next, in both directions. */
function doubled({ width, data }: Plane, row: number, column: number, rows: number, columns: number): number {
  const [y, x] = [row >> 1, column >> 1];
  const nextY = Math.min(rows - 1, Math.max(0, y + (row & 1 ? 1 : -1)));
  const nextX = Math.min(columns - 1, Math.max(0, x + (column & 1 ? 1 : -1)));
  const near = 3 * (data[y * width + x] as number) + (data[nextY * width + x] as number);
  const next = 3 * (data[y * width + nextX] as number) + (data[nextY * width + nextX] as number);
  return (3 * near + next + (column & 1 ? 7 : 8)) >> 4;
}

const block = new Float64Array(64);
const spectrum = new Float64Array(64);

/** Rounds the cosine transform of each 8 × 8 pixels to multiples of the table, and transforms it back. */
function coded(plane: Plane, table: readonly number[]): Plane {
  const { height, width, data } = plane;
  for (let top = 0; top < height; top += 8)
    for (let left = 0; left < width; left += 8) {
      for (let i = 0; i < 64; i++) block[i] = (data[(top + (i >> 3)) * width + left + (i & 7)] as number) - 128;
      multiply(block, spectrum, false);
      for (let i = 0; i < 64; i++) {
        const step = table[i] as number;
        const size = Math.floor(Math.abs(spectrum[i] as number) / step + 0.5) * step;
        spectrum[i] = (spectrum[i] as number) < 0 ? -size : size;
      }
      multiply(spectrum, block, true);
      for (let i = 0; i < 64; i++) data[(top + (i >> 3)) * width + left + (i & 7)] = byte((block[i] as number) + 128);
    }
  return plane;
}

const between = new Float64Array(64);

/** Computes B·from·Bᵀ, or Bᵀ·from·B for the way back, where B is the basis. */
function multiply(from: Float64Array, to: Float64Array, back: boolean): void {
  const b = (u: number, x: number): number => basis[back ? x * 8 + u : u * 8 + x] as number;
  for (let u = 0; u < 8; u++)
    for (let x = 0; x < 8; x++) {
      let sum = 0;
      for (let k = 0; k < 8; k++) sum += b(u, k) * (from[k * 8 + x] as number);
      between[u * 8 + x] = sum;
    }
  for (let u = 0; u < 8; u++)
    for (let v = 0; v < 8; v++) {
      let sum = 0;
      for (let k = 0; k < 8; k++) sum += (between[u * 8 + k] as number) * b(v, k);
      to[u * 8 + v] = sum;
    }
}
