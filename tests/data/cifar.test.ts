import { readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiagnosticError } from "../../src/compiler/diagnostics/diagnostic.js";
import type { DataSource } from "../../src/compiler/typed/tree.js";
import { ImageReader } from "../../src/runtime/data/image-reader.js";
import { ingest } from "../../src/runtime/data/index.js";
import { bytesInMemory, readPickle } from "../../src/runtime/data/pickle.js";
import { cifarSplit } from "../../src/runtime/data/sources/cifar.js";
import { archiveImages, archiveMembers } from "../../src/runtime/data/sources/cifar-archives.js";
import { findSource, sourceFacts } from "../../src/runtime/data/sources/index.js";
import type { ImageRef, Listing } from "../../src/runtime/data/sources/source.js";
import { readTarGz } from "../../src/runtime/data/tar.js";
import {
  binaryArchive,
  binaryPart,
  fineLabelNames,
  fineNames,
  mark,
  pythonArchive,
  pythonMeta,
  pythonPart,
  splitFile,
  tarGz,
} from "./cifar-files.js";
import {
  dataset,
  failsWith,
  normalize,
  options,
  picture,
  realData,
  tempDir,
  withoutRealData,
  write,
  zipOf,
} from "./support.js";

const splits = ["train", "val", "test"] as const;
const wholeSplits = { train: 500, test: 100 };
const few = { train: 2, test: 1 };
let whole: Buffer | undefined;
const wholeArchive = (): Buffer => {
  whole ??= binaryArchive(wholeSplits);
  return whole;
};
const list = (root: string, args: DataSource["args"] = {}): Promise<Listing> =>
  findSource("cifar100").list({ kind: "cifar100", args: { root, ...args } }, { projectDir: "/", cacheDir: "/" });
const facts = (args: DataSource["args"]) =>
  sourceFacts({ kind: "cifar100", args: { root: "data", ...args } }, "/", "/");

/** What a made-up picture says of itself: its class, its number mod 251, its part. */
async function marks(refs: readonly ImageRef[]): Promise<number[][]> {
  const reader = new ImageReader();
  try {
    return await Promise.all(
      refs.map(async (ref) => {
        const pixels = await reader.read(ref);
        expect(pixels).toHaveLength(3072);
        return [0, 1024, 2048].map((plane) => pixels[plane] as number);
      }),
    );
  } finally {
    await reader.close();
  }
}

describe("the splits", () => {
  test.skipIf(realData.missing)(`are the published ones (${withoutRealData})`, () => {
    const lines = (name: string, split: string) =>
      readFileSync(join(realData.dir, "splits", name, `${split}.txt`), "utf8")
        .trim()
        .split("\n");
    const coarseOf = new Map<string, string[]>();
    for (const split of splits) {
      const published = lines("cifar-fs", split).map((line) => line.split("/") as [string, string]);
      expect(cifarSplit("cifar_fs")[split]).toEqual(published.map(([, fine]) => fine));
      for (const [coarse, fine] of published) coarseOf.set(coarse, [...(coarseOf.get(coarse) ?? []), fine]);
    }
    for (const split of splits) {
      const superclasses = splitFile("fc100")[split] ?? {};
      expect(Object.keys(superclasses)).toEqual(lines("fc100", split));
      for (const [coarse, fine] of Object.entries(superclasses)) {
        expect([...fine].sort()).toEqual(coarseOf.get(coarse)?.sort());
      }
    }
  });

  test.each([
    ["cifar_fs", [64, 16, 20]],
    ["fc100", [60, 20, 20]],
  ])("%s: known without the data, every class once", (split, sizes) => {
    const known = facts({ split })?.splits;
    expect(splits.map((name) => known?.[name]?.classes)).toEqual(sizes);
    expect(known?.val).toMatchObject({ images: (sizes[1] as number) * 600, smallest: { images: 600 } });
    const all = splits.flatMap((name) => cifarSplit(split as "fc100")[name]);
    expect([...all].sort()).toEqual(fineNames);
  });

  test("another is refused", async () => {
    await failsWith("FSL6005", () => list("/nowhere", { split: "krizhevsky" }));
    expect(facts({ split: "krizhevsky" })?.findings?.map(({ code }) => code)).toEqual(["FSL6005"]);
  });
});

describe("the archives", () => {
  test.each([
    ["cifar-100-binary.tar.gz", binaryArchive],
    ["cifar-100-python.tar.gz", pythonArchive],
  ])("%s: every image with its class and its pixels", async (name, make) => {
    const path = join(tempDir(), name);
    write(path, make(few));
    const { kind, members } = await archiveMembers(path);
    const classes = await archiveImages(kind, members);
    expect([...classes.keys()]).toEqual(fineNames);
    for (const part of ["train", "test"] as const) {
      for (let i = 0; i < 100 * few[part]; i++) {
        const label = mark(part, i)[0];
        const image = classes
          .get(fineNames[label] as string)
          ?.find((ref) => ref.name.includes(part) && numbered(ref, i));
        expect(await marks(image === undefined ? [] : [image])).toEqual([mark(part, i)]);
      }
    }
    for (const images of classes.values())
      expect(images.map((ref) => ref.name.startsWith("train"))).toEqual([true, true, false]);
  });

  test.each(["packed", "unpacked"])("binary, whole, %s: 600 images a class", async (form) => {
    const dir = tempDir();
    const inside = join(dir, "cifar-100-binary");
    if (form === "unpacked") {
      write(join(inside, "fine_label_names.txt"), fineLabelNames);
      for (const part of ["train", "test"] as const)
        write(join(inside, `${part}.bin`), binaryPart(part, wholeSplits[part]));
    } else write(`${inside}.tar.gz`, wholeArchive());
    const listing = await list(dir, { split: "fc100" });
    for (const split of splits) {
      expect(listing[split]?.map((one) => one.name)).toEqual(cifarSplit("fc100")[split]);
      expect(listing[split]?.every(({ images }) => images.length === 600)).toBe(true);
    }
    const whale = listing.test?.find(({ name }) => name === "whale")?.images ?? [];
    const known = await marks([...whale.slice(0, 3), ...whale.slice(-3)]);
    expect(known.map(([label, , part]) => [fineNames[label as number], part])).toEqual([
      ...Array(3).fill(["whale", 1]),
      ...Array(3).fill(["whale", 2]),
    ]);
  });

  test("python, unpacked: as the archive", async () => {
    const dir = tempDir();
    write(join(dir, "meta"), pythonMeta());
    for (const part of ["train", "test"] as const) write(join(dir, part), pythonPart(part, wholeSplits[part]));
    const listing = await list(dir);
    const first = listing.train?.[0];
    expect(first?.name).toBe("dolphin");
    expect(first?.images[0]?.name).toMatch(/^train\/train_s_\d{6}\.png$/);
    expect(await marks(first?.images.slice(0, 1) ?? [])).toEqual([
      mark("train", Number(/\d+/.exec(first?.images[0]?.name ?? "")?.[0])),
    ]);
  });

  test("one part alone is another dataset", async () => {
    const dir = tempDir();
    write(join(dir, "cifar-100-binary.tar.gz"), binaryArchive({ train: 500, test: 0 }));
    const { message } = await failsWith("FSL6002", () => list(dir));
    expect(message).toContain(
      "the class dolphin has 500 images where it has 600; its train and test parts are both needed",
    );
  });
});

describe("pictures in class folders", () => {
  test("wherever the folders are", async () => {
    const dir = tempDir();
    const at = ["", "train/", "cifar100/data/"];
    const files: Record<string, Uint8Array> = { "notes/apple.png": Buffer.alloc(0) };
    for (const name of fineNames) {
      for (let i = 0; i < 600; i++) files[`${at[i % 3]}${name}/${i}.png`] = Buffer.alloc(0);
    }
    write(join(dir, "data.zip"), zipOf(files));
    const listing = await list(join(dir, "data.zip"));
    expect(splits.map((split) => listing[split]?.length)).toEqual([64, 16, 20]);
    expect(listing.train?.every(({ images }) => images.length === 600)).toBe(true);
    const [first] = listing.train?.[0]?.images ?? [];
    expect(first).toEqual({
      name: "cifar100/data/dolphin/101.png",
      file: join(dir, "data.zip"),
      entry: "cifar100/data/dolphin/101.png",
    });
  });

  test("too few, or none at all", async () => {
    const dir = tempDir();
    write(join(dir, "dolphin/1.png"), "");
    expect((await failsWith("FSL6002", () => list(dir))).message).toContain("dolphin has 1 images where it has 600");
    const { message } = await failsWith("FSL6002", () => list(tempDir()));
    expect(message).toContain("neither an archive of CIFAR-100 nor class folders");
  });
});

test("packed from an archive: the bytes of the file, no decoder between", async () => {
  const dir = tempDir();
  write(join(dir, "data/cifar-100-binary.tar.gz"), wholeArchive());
  const declared = dataset(
    "cifar100",
    { root: "data", split: "cifar_fs" },
    { train: [normalize], eval: [normalize], image: { channels: 3, height: 32, width: 32 } },
  );
  const pack = await ingest(declared, options(dir));
  expect(pack.splits.train?.classes).toEqual(cifarSplit("cifar_fs").train);
  expect(pack.layout.rows).toBe(60_000);
  const bytes = readFileSync(pack.layout.variants[0]?.file ?? "");
  expect(bytes).toHaveLength(60_000 * 3072);
  for (const row of [0, 1, 599, 600, 38_399]) {
    const name = pack.splits.train?.sourceOf(row) ?? "";
    const [, part, i] = /^(train|test)\.bin image (\d+)$/.exec(name) ?? [];
    expect([0, 1024, 2048].map((plane) => bytes[row * 3072 + plane])).toEqual(mark(part ?? "", Number(i)));
  }
});

describe("what is damaged", () => {
  const at = async (path: string): Promise<string> => {
    const { message, span } = await failsWith("FSL6002", () =>
      ingest(dataset("cifar100", { root: path }), options(tempDir())),
    );
    expect(span).toBeDefined();
    expect(message).toContain(path);
    return message;
  };

  test.each([
    ["binary", binaryArchive],
    ["python", pythonArchive],
  ])("an archive cut off anywhere (%s) is named, with the dataset's place", async (kind, make) => {
    const path = join(tempDir(), `cifar-100-${kind}.tar.gz`);
    const bytes = make(few);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 1 }), async (length) => {
        write(path, bytes.subarray(0, length));
        expect(await at(path)).toMatch(/cut off|no gzip archive/);
      }),
      { numRuns: 40 },
    );
  });

  test("a byte changed anywhere in an archive is noticed", async () => {
    const path = join(tempDir(), "x.tar.gz");
    const bytes = binaryArchive(few);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 10, max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (i, change) => {
          const damaged = Buffer.from(bytes);
          damaged[i] = (damaged[i] as number) ^ change;
          write(path, damaged);
          await at(path);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("unpacked files: records cut in two, a class that is none, a missing part", async () => {
    const dir = tempDir();
    write(join(dir, "fine_label_names.txt"), fineLabelNames);
    write(join(dir, "train.bin"), binaryPart("train", 1));
    expect(await at(dir)).toContain("there is no test.bin in it");
    write(join(dir, "test.bin"), binaryPart("test", 1));
    truncateSync(join(dir, "test.bin"), 5000);
    expect(await at(dir)).toContain("test.bin: its 5000 bytes are not whole records of 3074");
    const bytes = binaryPart("test", 1);
    bytes[1] = 100;
    write(join(dir, "test.bin"), bytes);
    expect(await at(dir)).toContain("test: image 0 has the class 100 of 100");
  });

  test("an archive of something else", async () => {
    const path = join(tempDir(), "x.tgz");
    write(path, tarGz({ "readme.txt": Buffer.from("hello") }));
    expect(await at(path)).toContain("neither train.bin nor meta is in it");
    write(path, await picture(1));
    expect(await at(path)).toContain("it is no gzip archive");
  });
});

describe("pickles", () => {
  test("name what they would run, and run nothing", () => {
    const evil = Buffer.from("\x80\x02cos\nsystem\nU\x02lsq\x01\x85R.", "latin1");
    expect(() => readPickle(bytesInMemory(evil))).toThrow("names `os system`, which data has no use for");
    expect(() => readPickle(bytesInMemory(Buffer.from("\x80\x05N.", "latin1")))).toThrow("it is of protocol 5");
    expect(() => readPickle(bytesInMemory(Buffer.from("\x80\x02i", "latin1")))).toThrow(
      "byte 2 is an operation (0x69)",
    );
  });

  test("any bytes end in a value or in words", () => {
    const whole = pythonPart("test", 1);
    const words = (bytes: Buffer) => {
      try {
        readPickle(bytesInMemory(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect(error).not.toBeInstanceOf(DiagnosticError);
        expect((error as Error).message).toMatch(/cut off at byte|byte \d+ (is|names)|before byte|protocol/);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => words(Buffer.from([0x80, 2, ...bytes]))));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4000 }), fc.integer({ min: 0, max: 255 }), (i, value) => {
        const damaged = Buffer.from(whole);
        damaged[i] = value;
        words(damaged);
      }),
    );
    for (const length of [0, 1, 2, 40, whole.length - 1])
      expect(() => readPickle(bytesInMemory(whole.subarray(0, length)))).toThrow("cut off");
  });
});

test("tar archives: long names and folders, files larger than a chunk", async () => {
  const path = join(tempDir(), "x.tar.gz");
  const large = Buffer.alloc(700_000, 7);
  write(path, tarGz({ "a/": Buffer.alloc(0), "a/b": large, "a/c": Buffer.from("x"), d: Buffer.alloc(512, 1) }));
  const files = await readTarGz(path);
  expect([...files.keys()]).toEqual(["a/b", "a/c", "d"]);
  expect(files.get("a/b")?.equals(large)).toBe(true);
  expect(files.get("d")).toHaveLength(512);
});

function numbered({ name }: ImageRef, i: number): boolean {
  return Number(/(\d+)(\.png)?$/.exec(name)?.[1]) === i;
}
