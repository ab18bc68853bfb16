/** CIFAR-100's archives in their real formats, with pictures made up: pixels are mostly zeros, so that they pack small. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const root = new URL("../../specs/splits/", import.meta.url);
interface SplitFile {
  readonly splits: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}
export function splitFile(name: string): SplitFile["splits"] {
  return (JSON.parse(readFileSync(new URL(`${name}.json`, root), "utf8")) as SplitFile).splits;
}
/** The 100 classes in their official order, which is that of the alphabet. */
export const fineNames = Object.values(splitFile("cifar-fs"))
  .flatMap((coarse) => Object.values(coarse).flat())
  .sort();
const pixels = 3072;

/** Image i of a part with `each` images a class: its class, and what its pixels say of it. */
function label(i: number): number {
  return (i * 37) % 100;
}
/** The first pixels of image i: red, then green, then blue. */
export function mark(part: string, i: number): [number, number, number] {
  return [label(i), i % 251, part === "train" ? 1 : 2];
}
function paint(bytes: Buffer, at: number, part: string, i: number): void {
  for (const [plane, value] of mark(part, i).entries()) bytes[at + plane * 1024] = value;
}

/** `train.bin` or `test.bin` of 100 · each records. */
export function binaryPart(part: string, each: number): Buffer {
  const count = 100 * each;
  const bytes = Buffer.alloc(count * (2 + pixels));
  for (let i = 0; i < count; i++) {
    bytes[i * (2 + pixels) + 1] = label(i);
    paint(bytes, i * (2 + pixels) + 2, part, i);
  }
  return bytes;
}
export const fineLabelNames = Buffer.from(`${fineNames.join("\n")}\n\n`);

/** Writes a pickle of protocol 2 as Python 2's cPickle does: each object remembered, lists in batches of 1000. */
class Pickler {
  private readonly parts: Buffer[] = [Buffer.from([0x80, 2])];
  private count = 1;

  private op(text: string, ...operands: Buffer[]): void {
    this.parts.push(Buffer.from(text, "latin1"), ...operands);
  }
  private put(): void {
    const index = this.count++;
    if (index < 256) this.op("q", Buffer.from([index]));
    else this.op("r", int32(index));
  }
  text(value: string): void {
    this.op("U", Buffer.from([value.length]), Buffer.from(value, "latin1"));
    this.put();
  }
  int(value: number): void {
    if (value >= 0 && value < 256) this.op("K", Buffer.from([value]));
    else if (value >= 0 && value < 65536) this.op("M", Buffer.from([value & 255, value >> 8]));
    else this.op("J", int32(value));
  }
  list<T>(items: readonly T[], write: (item: T) => void): void {
    this.op("]");
    this.put();
    for (let at = 0; at < items.length; at += 1000) {
      this.op("(");
      for (const item of items.slice(at, at + 1000)) write(item);
      this.op("e");
    }
  }
  dict(entries: Readonly<Record<string, () => void>>): void {
    this.op("}");
    this.put();
    this.op("(");
    for (const [key, write] of Object.entries(entries)) {
      this.text(key);
      write();
    }
    this.op("u");
  }
  /** numpy's `__reduce__` of a uint8 array. */
  array(rows: number, columns: number, data: Buffer): void {
    this.op("cnumpy.core.multiarray\n_reconstruct\n");
    this.put();
    this.op("cnumpy\nndarray\n");
    this.put();
    this.int(0);
    this.op("\x85");
    this.put();
    this.text("b");
    this.op("\x87");
    this.put();
    this.op("R");
    this.put();
    this.op("(");
    this.int(1);
    this.int(rows);
    this.int(columns);
    this.op("\x86");
    this.put();
    this.op("cnumpy\ndtype\n");
    this.put();
    this.text("u1");
    this.int(0);
    this.int(1);
    this.op("\x87");
    this.put();
    this.op("R");
    this.put();
    this.op("(");
    this.int(3);
    this.text("|");
    this.op("NNN");
    this.int(-1);
    this.int(-1);
    this.int(0);
    this.op("t");
    this.put();
    this.op("b\x89T", int32(data.length), data);
    this.put();
    this.op("t");
    this.put();
    this.op("b");
  }
  end(): Buffer {
    this.op(".");
    return Buffer.concat(this.parts);
  }
}
function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

/** `train` or `test` of the Python version, of 100 · each images; `names[i]` is the file name of image i. */
export function pythonPart(part: string, each: number): Buffer {
  const images = Array.from({ length: 100 * each }, (_, i) => i);
  const data = Buffer.alloc(images.length * pixels);
  for (const i of images) paint(data, i * pixels, part, i);
  const pickler = new Pickler();
  pickler.dict({
    filenames: () => pickler.list(images, (i) => pickler.text(`${part}_s_${String(i).padStart(6, "0")}.png`)),
    batch_label: () => pickler.text("training batch 1 of 1"),
    fine_labels: () => pickler.list(images, (i) => pickler.int(label(i))),
    coarse_labels: () => pickler.list(images, () => pickler.int(0)),
    data: () => pickler.array(images.length, pixels, data),
  });
  return pickler.end();
}
export function pythonMeta(): Buffer {
  const pickler = new Pickler();
  pickler.dict({
    fine_label_names: () => pickler.list(fineNames, (name) => pickler.text(name)),
    coarse_label_names: () => pickler.list(["fish"], (name) => pickler.text(name)),
  });
  return pickler.end();
}

/** A gzipped ustar archive; names that end in `/` are folders. */
export function tarGz(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, content] of Object.entries(files)) {
    const header = Buffer.alloc(512);
    header.write(name, 0, "latin1");
    header.write("0000644\0", 100);
    header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("        ", 148);
    header.write(name.endsWith("/") ? "5" : "0", 156);
    header.write("ustar\x0000", 257, "latin1");
    const sum = header.reduce((a, b) => a + b, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    parts.push(header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(1024)]), { level: 1 });
}

export function binaryArchive(each: { readonly train: number; readonly test: number }): Buffer {
  return tarGz({
    "cifar-100-binary/": Buffer.alloc(0),
    "cifar-100-binary/fine_label_names.txt": fineLabelNames,
    "cifar-100-binary/train.bin": binaryPart("train", each.train),
    "cifar-100-binary/test.bin": binaryPart("test", each.test),
  });
}
export function pythonArchive(each: { readonly train: number; readonly test: number }): Buffer {
  return tarGz({
    "cifar-100-python/": Buffer.alloc(0),
    "cifar-100-python/meta": pythonMeta(),
    "cifar-100-python/train": pythonPart("train", each.train),
    "cifar-100-python/test": pythonPart("test", each.test),
  });
}
