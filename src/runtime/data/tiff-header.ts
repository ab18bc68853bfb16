/** Reads the tags of a TIFF that decide what its samples mean: their type and range, and which bands are colors. */

/** The tags of the first image of a file. */
export interface TiffHeader {
  readonly bits: number;
  /** 1 unsigned integers, 2 signed integers, 3 floats, 5 and 6 complex numbers. */
  readonly sampleFormat: number;
  /** 0 and 1 gray, 2 RGB, 3 palette, 5 CMYK, 6 YCbCr, 8 CIE L*a*b*. */
  readonly photometric: number;
  readonly samples: number;
  /** One value for each band that is no color: 0 unspecified, 1 associated alpha, 2 unassociated alpha. */
  readonly extra: readonly number[];
  /** The largest value of the samples that the file declares. */
  readonly max: number | undefined;
}

const tags = { bits: 258, photometric: 262, samples: 277, max: 281, extra: 338, sampleFormat: 339, realMax: 341 };
/** The sizes of the types of values in bytes, by the number of the type. */
const sizes: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 11: 4, 12: 8, 16: 8 };
const mostEntries = 1_000;

/** Returns the tags of a TIFF (6.0 or BigTIFF), or undefined for any other file and for a damaged one. */
export function readTiffHeader(encoded: Uint8Array): TiffHeader | undefined {
  const mark = String.fromCharCode(encoded[0] ?? 0, encoded[1] ?? 0);
  if (mark !== "II" && mark !== "MM") return undefined;
  try {
    const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    const found = readEntries(view, mark === "II");
    if (found === undefined) return undefined;
    const first = (tag: number) => found.get(tag)?.[0];
    return {
      bits: first(tags.bits) ?? 1,
      sampleFormat: first(tags.sampleFormat) ?? 1,
      photometric: first(tags.photometric) ?? 0,
      samples: first(tags.samples) ?? 1,
      extra: found.get(tags.extra) ?? [],
      max: first(tags.realMax) ?? first(tags.max),
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined; // It is cut off. The decoder reports it.
    throw error;
  }
}

function readEntries(view: DataView, little: boolean): Map<number, number[]> | undefined {
  const version = view.getUint16(2, little);
  if (version !== 42 && version !== 43) return undefined;
  const big = version === 43;
  const word = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const start = word(big ? 8 : 4);
  const count = big ? word(start) : view.getUint16(start, little);
  const wanted = new Set(Object.values(tags));
  const found = new Map<number, number[]>();
  for (let i = 0; i < Math.min(count, mostEntries); i++) {
    const at = start + (big ? 8 + 20 * i : 2 + 12 * i);
    const tag = view.getUint16(at, little);
    const type = view.getUint16(at + 2, little);
    const size = sizes[type];
    if (!wanted.has(tag) || size === undefined) continue;
    const values = Math.min(word(at + 4), 16);
    const inline = at + (big ? 12 : 8);
    const from = values * size <= (big ? 8 : 4) ? inline : word(inline);
    found.set(
      tag,
      Array.from({ length: values }, (_, v) => valueAt(view, from + v * size, type, little)),
    );
  }
  return found;
}

function valueAt(view: DataView, at: number, type: number, little: boolean): number {
  switch (type) {
    case 3:
      return view.getUint16(at, little);
    case 4:
      return view.getUint32(at, little);
    case 6:
      return view.getInt8(at);
    case 8:
      return view.getInt16(at, little);
    case 9:
      return view.getInt32(at, little);
    case 11:
      return view.getFloat32(at, little);
    case 12:
      return view.getFloat64(at, little);
    case 16:
      return Number(view.getBigUint64(at, little));
    default:
      return view.getUint8(at);
  }
}
