/** Data that users reported, as they lay on their disks: what `check`, `data inspect` and `data fetch` say of each. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { encodeSafetensors } from "../../src/runtime/store/safetensors.js";
import { bmp, tiff } from "../data/pictures.js";
import { picture, tempDir, write, zipOf } from "../data/support.js";
import { tarball } from "../data/tarball.js";
import { fslc, type Outcome } from "./command-line.js";

type Files = Readonly<Record<string, Uint8Array | string>>;
type Command = "check" | "data inspect" | "data fetch";

/** An experiment on five classes of the split `test`, with the line of its source. */
const experiment = (source: string, way: number): string => `fsl 1
import { prototypes } from "fsl:metrics"
dataset d {
  source ${source}
  train resize(8), center_crop(8), normalize(mean: [0.5], std: [0.5])
  eval resize(8), center_crop(8), normalize(mean: [0.5], std: [0.5])
}
backbone raw { flatten as vector }
episode task = ${way} way, 1 shot, 2 query
evaluate test {
  encoder raw
  metric prototypes
  episodes task from d.test, 5 episodes
}
`;

/** The paths of `images` images in each class: two classes for training, one for validation, five for the test. */
function classes(split: "train" | "val" | "test", images = 3): string[] {
  const count = { train: 2, val: 1, test: 5 }[split];
  return Array.from(
    { length: count * images },
    (_, i) => `${split}/${split}${Math.floor(i / images)}/${i % images}.png`,
  );
}
const paths = (["train", "val", "test"] as const).flatMap((split) => classes(split));
let pictures = 0;
async function files(
  list: readonly string[],
  rename: (path: string) => string = (path) => path,
): Promise<Readonly<Record<string, Uint8Array>>> {
  return Object.fromEntries(await Promise.all(list.map(async (path) => [rename(path), await picture(pictures++)])));
}
/** Pictures of one kind in the test split. */
async function testImages(ending: string, make: (number: number) => Uint8Array | Promise<Uint8Array>): Promise<Files> {
  const made = classes("test").map(async (path, i) => [path.replace(".png", ending), await make(i)] as const);
  return Object.fromEntries(await Promise.all(made));
}
const inFolder = <T>(folder: string, content: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(content).map(([path, bytes]) => [`${folder}/${path}`, bytes]));
const csvOf = (list: readonly string[], separator = ","): string =>
  list.map((path) => `${path.replaceAll("/", "_")}${separator}${path.split("/")[1]}\n`).join("");

interface Given {
  readonly files: Files;
  readonly source: string;
  readonly way?: number;
}
/** Makes a project of the data and the experiment, and returns its folder. */
function project({ files: content, source, way = 5 }: Given): string {
  const dir = tempDir();
  write(join(dir, "package.json"), "{}");
  write(join(dir, "e.fsl"), experiment(source, way));
  for (const [path, bytes] of Object.entries(content)) write(join(dir, path), bytes);
  return dir;
}
/** Returns what each command says of the data, with its exit code at the end. */
async function say(given: Given, ...commands: readonly Command[]): Promise<string[]> {
  const dir = project(given);
  const said: string[] = [];
  for (const command of commands) {
    const outcome: Outcome = await fslc(...command.split(" "), join(dir, "e.fsl"));
    said.push(`${outcome.out}${outcome.err}exit code ${outcome.code}`.replaceAll(dir, "…"));
  }
  return said;
}

test("a zip archive with one folder in it is read as that folder", async () => {
  const zip = zipOf(inFolder("mydata", await files(paths)));
  const [check, inspect, fetched] = await say(
    { files: { "data.zip": zip }, source: 'folder("data.zip")' },
    "check",
    "data inspect",
    "data fetch",
  );
  expect(check).toMatch(/no errors, 1 stage\nexit code 0$/);
  expect(inspect).toContain("all images are in mydata/, which is read as the root");
  expect(inspect).not.toContain("unpack");
  expect(fetched).toMatch(/24 images ready[\s\S]*exit code 0$/);
});

test("a CSV file in Latin-1 is refused, so that no two names of classes become one", async () => {
  const images = await files(paths, (path) => `data/images/${path.replaceAll("/", "_")}`);
  const list = Buffer.from(`filename,label\n${csvOf(classes("test")).replaceAll("test0", "chat \xe9")}`, "latin1");
  const said = await say({ files: { ...images, "data/test.csv": list }, source: 'csv("data")' }, "check", "data fetch");
  for (const text of said) {
    expect(text).toMatch(
      /FSL6004: test\.csv, line 2: the file is not UTF-8 \(byte 0xE9 in this line\)\. Save it as UTF-8/,
    );
    expect(text).toMatch(/exit code 2$/);
  }
});

test("TIFFs of floats are refused, because black and white are unknown", async () => {
  const float = new Uint8Array(Float32Array.from({ length: 64 }, (_, i) => i / 64).buffer);
  const given = await testImages(".tif", () => tiff(8, 8, float, { 258: [32], 339: [3] }));
  const [fetched] = await say({ files: inFolder("data", given), source: 'folder("data")' }, "data fetch");
  expect(fetched).toMatch(
    /FSL6003: 15 of 15 images cannot be read; the first is test\/test0\/0\.tif: its samples are 32-bit floats/,
  );
  expect(fetched).toMatch(/exit code 1$/);
});

test("a fourth band that is no alpha changes nothing: the same pixels as without it", async () => {
  const rgb = (i: number) =>
    Array.from({ length: 64 }, (_, at) => [at + i, 2 * at, 3 * at].map((value) => value & 255));
  const four = (i: number) =>
    tiff(8, 8, Uint8Array.from(rgb(i).flatMap((pixel) => [...pixel, 9])), { 277: [4], 338: [0] });
  const three = (i: number) => tiff(8, 8, Uint8Array.from(rgb(i).flat()), { 277: [3] });
  const packed: Buffer[] = [];
  for (const make of [four, three]) {
    const dir = project({ files: inFolder("data", await testImages(".tif", make)), source: 'folder("data")' });
    expect(await fslc("data", "fetch", join(dir, "e.fsl"))).toMatchObject({ code: 0 });
    const packs = join(dir, ".fslc/data/packs");
    const names = readdirSync(packs, { recursive: true }) as string[];
    packed.push(readFileSync(join(packs, names.find((name) => name.endsWith(".u8")) ?? "")));
  }
  expect(packed[0]).toEqual(packed[1]);
});

test("a CSV file without a header is refused, so that no first image is lost", async () => {
  const images = await files(paths, (path) => `data/images/${path.replaceAll("/", "_")}`);
  const given = { files: { ...images, "data/test.csv": csvOf(classes("test")) }, source: 'csv("data")' };
  for (const text of await say(given, "check", "data inspect", "data fetch")) {
    expect(text).toContain(
      "FSL6004: test.csv, line 1: the file has no header: its first line names the image test_test0_0.png",
    );
    expect(text).toContain("put a first line `filename,label` above it");
    expect(text).toMatch(/exit code 2$/);
  }
});

test("a CSV file with semicolons is named as one by `check`", async () => {
  const images = await files(paths, (path) => `data/images/${path.replaceAll("/", "_")}`);
  const list = `filename;label\n${csvOf(classes("test"), ";")}`;
  const [check] = await say({ files: { ...images, "data/test.csv": list }, source: 'csv("data")' }, "check");
  expect(check).toMatch(/FSL6004: test\.csv, line 1: the file uses `;` between its columns, and commas are expected/);
});

test("hidden files and the folder __MACOSX of an archive are left out", async () => {
  const plain = await files(paths);
  const hidden = Object.fromEntries(
    paths.flatMap((path) => [
      [`__MACOSX/${path.replace(/[^/]*$/, "._$&")}`, Buffer.from("x")],
      [path.replace(/[^/]*$/, "._$&"), Buffer.from("x")],
      [path.replace(/[^/]*$/, ".hidden$&"), Buffer.from("x")],
    ]),
  );
  const archive = zipOf({ ...plain, ...hidden });
  const [inspect, fetched] = await say(
    { files: { "data.zip": archive }, source: 'folder("data.zip")' },
    "data inspect",
    "data fetch",
  );
  expect(inspect).toContain("24 files in the archive …/data.zip: 24 images (.png)");
  expect(inspect).not.toContain("MACOSX");
  expect(fetched).toMatch(/exit code 0$/);
});

test("files of a type that is not read are counted and named where they empty a split", async () => {
  const others = await files([...classes("train"), ...classes("val")]);
  const given = { ...others, ...(await testImages(".heic", () => Buffer.from("x"))) };
  const [check] = await say({ files: inFolder("data", given), source: 'folder("data")' }, "check");
  expect(check).toContain("FSL6015: 15 files in class folders are left out: 15 .heic; the first is test/test0/0.heic");
  expect(check).toMatch(/FSL5006: `d` has no test split[\s\S]*24 files in …\/data: 9 images \(\.png\), 15 \.heic/);
  expect(check).toMatch(/Convert the others, for example to PNG/);
});

test("so are they where they halve a class", async () => {
  const given = await files(paths, (path) => (/test\/.*[12]\.png/.test(path) ? path.replace("png", "heic") : path));
  const [check] = await say({ files: inFolder("data", given), source: 'folder("data")' }, "check");
  expect(check).toContain("FSL6015: 10 files in class folders are left out: 10 .heic");
  expect(check).toMatch(/FSL5005: .* needs 3 images in each class, but class `test0` of `d\.test` has only 1/);
});

test("BMP files are read", async () => {
  const rows = (i: number) => Array.from({ length: 64 }, (_, at) => (i * 31 + at * 7) & 255);
  const given = await testImages(".bmp", (i) => bmp(24, 8, [], rows(i)));
  const source = 'folder("data")';
  const [check, fetched] = await say({ files: inFolder("data", given), source }, "check", "data fetch");
  expect(check).toMatch(/no errors, 1 stage\nexit code 0$/);
  expect(fetched).toMatch(/15 images ready[\s\S]*exit code 0$/);
});

test("images of one value, such as white drawings on a transparent ground, are warned of", async () => {
  const size = { width: 8, height: 8, channels: 4 as const };
  const white = (i: number) =>
    sharp(
      Buffer.alloc(4 * 64, 255).map((value, at) => (at % 4 === 3 ? (at * 5 + i) & 255 : value)),
      { raw: size },
    )
      .png()
      .toBuffer();
  const given = await testImages(".png", white);
  const [fetched] = await say({ files: inFolder("data", given), source: 'folder("data")' }, "data fetch");
  expect(fetched).toMatch(/FSL6042[\s\S]*15 images of the split `test` of `d` are equal after decoding/i);
  expect(fetched).toMatch(/FSL6041[\s\S]*15 of 15 images of `d` show nothing/);
});

test("the nearest layout is named, with what to write", async () => {
  const high = { files: inFolder("data/mydataset", await files(paths)), source: 'folder("data")' };
  const flat = {
    files: await files(paths, (path) => `data/${path.replace(/.*\/(.*)\//, "$1_")}`),
    source: 'folder("data")',
  };
  expect((await say(high, "check"))[0]).toMatch(
    /FSL500[46][\s\S]*`mydataset` in it has test, train, val: `root` is too high, write `data\/mydataset`/,
  );
  expect((await say(flat, "check"))[0]).toMatch(
    /FSL6002: …\/data does not have the layout that `folder` expects: no class folder with images is in it[\s\S]*one folder per class/,
  );
});

test("a split without its CSV file: the file is named, and of several errors only the first describes the data", async () => {
  const images = inFolder("data/images", await files(paths, (path) => path.replaceAll("/", "_")));
  const train = `filename,label\n${csvOf(classes("train"))}`;
  const dir = project({ files: { ...images, "data/train.csv": train }, source: 'csv("data")' });
  const text = readFileSync(join(dir, "e.fsl"), "utf8");
  write(join(dir, "e.fsl"), `${text}\nevaluate more like test { episodes task from d.val, 5 episodes }\n`);
  const { code, err } = await fslc("check", join(dir, "e.fsl"));
  expect(code).toBe(2);
  expect(err.match(/FSL5006: `d` has no (val|test) split/g)).toHaveLength(2);
  expect(err.match(/= help: `val\.csv` and `test\.csv` are not there/g)).toHaveLength(1);
  expect(err.match(/= help: \d+ files in /g)).toHaveLength(1);
  expect(err).toContain("= help: the data are described above");
});

test("`data inspect` shows what lies in data that `check` refuses", async () => {
  const high = { files: inFolder("data/mydataset", await files(paths)), source: 'folder("data")' };
  const [inspect] = await say(high, "data inspect");
  expect(inspect).toMatch(/1 folder: mydataset\/ \(24\)[\s\S]*split +classes/);
  // Data with errors would not be packed, so no command for it is printed.
  expect(inspect).toMatch(/nothing is packed yet\.\n/);
});

test("the same classes in all splits: two ways out, and the word works", async () => {
  const list = ["train", "val", "test"].flatMap((split) =>
    ["c0", "c1"].flatMap((name) => [0, 1, 2].map((i) => `${split}/${name}/${i}.png`)),
  );
  const given = { files: inFolder("data", await files(list)), source: 'folder("data")', way: 2 };
  const [check] = await say(given, "check");
  expect(check).toMatch(
    /FSL6007: the class `c0` is in both `train` and `val`[\s\S]*`classes shared`[\s\S]*two datasets with two roots/,
  );
  const [allowed, fetched] = await say(
    { ...given, source: `${given.source}\n  classes shared` },
    "check",
    "data fetch",
  );
  expect(allowed).toMatch(/no errors, 1 stage\nexit code 0$/);
  expect(fetched).toMatch(/exit code 0$/);
});

test("lists with paths of images: the name of the class is said", async () => {
  const images = inFolder("data", await files(paths, (path) => path.replace(/^\w+\//, "")));
  const lists = Object.fromEntries(
    (["train", "val", "test"] as const).map((split) => [
      `lists/${split}.txt`,
      classes(split)
        .map((path) => `data/${path.replace(/^\w+\//, "")}\n`)
        .join(""),
    ]),
  );
  const [check] = await say({ files: { ...images, ...lists }, source: 'folder("data", lists: "lists")' }, "check");
  expect(check).toMatch(/FSL6002: .*no folder with images has one of the 24 names of the lists/);
  expect(check).toMatch(/write `train0` once instead of `data\/train0\/0\.png`/);
});

test("a root with single backslashes is an error, because they would be lost", async () => {
  const [check] = await say({ files: {}, source: 'folder("D:\\few_shot\\data")' }, "check");
  expect(check).toMatch(/FSL1025: `\\f` means nothing in a text[\s\S]*or `\/` in a path/);
  expect(check).toMatch(/exit code 2$/);
});

test("a list of one episode is accepted", async () => {
  const dir = project({ files: inFolder("data", await files(paths)), source: 'folder("data")' });
  const sides = { support: [0], query: [1] };
  const episode = ["test0", "test1"].map((name) => ({ class: name, ...sides }));
  write(join(dir, "list.json"), JSON.stringify({ format: 1, way: 2, shot: 1, query: 1, episodes: [episode] }));
  const text = experiment('folder("data")', 2).replace("task from d.test, 5 episodes", '"list.json" from d.test');
  write(join(dir, "e.fsl"), text.replace(/^episode .*\n/m, ""));
  expect(await fslc("check", join(dir, "e.fsl"))).toMatchObject({ code: 0, err: "" });
});

test("weights that are not numbers end an evaluation with an error, also with --quiet", async () => {
  const dir = project({ files: inFolder("data", await files(paths)), source: 'folder("data")' });
  const weights = (shape: readonly number[], value: number) => ({
    shape: [...shape],
    dtype: "f32" as const,
    data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(value),
  });
  const tensors = { "encoder.conv.weight": weights([2, 3, 3, 3], Number.NaN), "encoder.conv.bias": weights([2], 0) };
  write(join(dir, "nan.safetensors"), encodeSafetensors(tensors));
  const text = experiment('folder("data")', 5)
    .replace("raw { flatten", "raw { conv(3, 2), flatten")
    .replace("metric prototypes\n", 'metric prototypes\n  init encoder from "nan.safetensors"\n');
  write(join(dir, "e.fsl"), text);
  const { code, err } = await fslc("run", join(dir, "e.fsl"), "--quiet", "--engine", "reference");
  expect(code).toBe(1);
  expect(err.replaceAll(/\s+/g, " ")).toContain("50 of 50 queries scores that are not numbers");
});

test("an archive that is not read in place is named with the way to unpack it", async () => {
  const given = { files: { "data.tar.gz": tarball({ "train/a/1.png": "x" }) }, source: 'folder("data.tar.gz")' };
  for (const text of await say(given, "check", "data fetch")) {
    expect(text).toMatch(/FSL6002: …\/data\.tar\.gz does not .*: it is an archive of type \.tar\.gz/);
    expect(text).toContain("only .zip archives are read in place: unpack it (`tar -xf data.tar.gz` for tar)");
  }
});

test("CUB whose folder has another name: all images are counted, and the folder is named", async () => {
  const birds = Array.from({ length: 200 }, (_, i) => `${String(i + 1).padStart(3, "0")}.Bird_${i}`);
  const given = {
    files: {
      ...Object.fromEntries(birds.map((name) => [`case/Images/${name}/b.jpg`, "x"])),
      "case/images.txt": birds.map((name, i) => `${i + 1} ${name}/b.jpg\n`).join(""),
      "case/image_class_labels.txt": birds.map((_, i) => `${i + 1} ${i + 1}\n`).join(""),
      "case/classes.txt": birds.map((name, i) => `${i + 1} ${name}\n`).join(""),
    },
    source: 'cub("case")',
  };
  for (const text of await say(given, "check", "data fetch")) {
    expect(text).toMatch(
      /FSL6002: .*200 of 200 images that images\.txt names are missing: there is no folder images\//,
    );
    expect(text).toMatch(/exit code 2$/);
  }
});
