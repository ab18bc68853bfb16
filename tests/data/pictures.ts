/** Images in formats that no library of the tests writes. */
type Tags = Readonly<Record<number, readonly number[]>>;
/** A little-endian TIFF of one strip, whose values of tags are 16-bit integers. */
export function tiff(width: number, height: number, data: Uint8Array, tags: Tags): Buffer {
  const bits = tags[258]?.[0] ?? 8;
  const samples = tags[277]?.[0] ?? 1;
  const all: Tags = {
    256: [width],
    257: [height],
    258: Array<number>(samples).fill(bits),
    259: [1],
    262: [samples >= 3 ? 2 : 1],
    273: [8],
    277: [samples],
    278: [height],
    279: [data.length],
    ...Object.fromEntries(Object.entries(tags).filter(([tag]) => tag !== "258")),
  };
  const entries = Object.entries(all).map(([tag, values]) => ({ tag: Number(tag), values }));
  const start = 8 + data.length + (data.length % 2);
  let extra = start + 2 + 12 * entries.length + 4;
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16LE(entries.length, 0);
  const long: Buffer[] = [];
  for (const [i, { tag, values }] of entries.entries()) {
    const at = 2 + 12 * i;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(3, at + 2);
    directory.writeUInt32LE(values.length, at + 4);
    const bytes = Buffer.from(Uint16Array.from(values).buffer);
    if (bytes.length <= 4) bytes.copy(directory, at + 8);
    else {
      directory.writeUInt32LE(extra, at + 8);
      extra += bytes.length;
      long.push(bytes);
    }
  }
  const head = Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(start, 4);
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2), directory, ...long]);
}

/** A BMP of two columns. A palette has four bytes a color, and rows are padded to four bytes. */
export function bmp(bits: number, height: number, palette: readonly number[], rows: readonly number[]): Buffer {
  const head = Buffer.alloc(54);
  head.write("BM");
  head.writeUInt32LE(54 + palette.length, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(2, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(bits, 28);
  head.writeUInt32LE(palette.length / 4, 46);
  return Buffer.concat([head, Buffer.from(palette), Buffer.from(rows)]);
}
