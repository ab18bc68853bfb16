/** What `fslc check` says of data before it reads an image: each fault of a folder has its own message with the way out. */
import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findSource, sourceFacts } from "../../src/runtime/data/sources/index.js";
import { readZipNames } from "../../src/runtime/data/zip-names.js";
import { tempDir, write, zipOf } from "./support.js";

type Args = Readonly<Record<string, string>>;
const lookAt = (dir: string, kind: string, args: Args) => sourceFacts({ kind, args }, dir, join(dir, "cache"));
/** Everything that is said, one line each: severity and code, message, help, and what lies there. */
function said(dir: string, args: Args = { root: "data" }, kind = "folder"): string {
  const known = lookAt(dir, kind, args);
  const findings = (known?.findings ?? []).flatMap(({ severity, code, message, help }) => [
    `${severity} ${code} ${message}`,
    ...help,
  ]);
  return [...findings, ...(known?.seen ?? [])].join("\n");
}
function files(paths: readonly string[], content: Uint8Array | string = "x"): string {
  const dir = tempDir();
  for (const path of paths) write(join(dir, path), content);
  return dir;
}
/** Three images in each of `classes` classes of each folder. */
function tree(folders: readonly string[], classes = 3, ending = "png"): string[] {
  return folders.flatMap((folder) =>
    Array.from({ length: 3 * classes }, (_, i) => `${folder}/c${folder.at(-1)}${i % classes}/${i}.${ending}`),
  );
}

describe("a folder of another layout is described with the way to the nearest layout", () => {
  test.each([
    [
      "one folder too high",
      tree(["data/mini/train", "data/mini/test"]),
      "data",
      /`mini` in it has test, train: `root` is too high, write `data\/mini`/,
    ],
    [
      "two folders too high",
      tree(["data/a/b/train", "data/a/b/val"]),
      "data",
      /`a\/b` in it has train, val: `root` is too high/,
    ],
    [
      "a split as root",
      tree(["data/train", "data/test"]),
      "data/train",
      /FSL6015 .*data\/train is the folder of one split, and a hash.*\n.*\/data has test, train: `root` is too deep, write `data`/,
    ],
    ["a class as root", tree(["data/train", "data/test"]), "data/train/cn0", /`root` is too deep, write `data`$/m],
    ["capitals", tree(["data/Train", "data/TEST"]), "data", /rename `TEST` to `test`, `Train` to `train`/],
    [
      "other names",
      tree(["data/train", "data/valid", "data/test"]),
      "data",
      /9 images are left out[\s\S]*rename `valid` to `val`/,
    ],
    [
      "names of meta-learning",
      tree(["data/meta-train", "data/meta_val"]),
      "data",
      /`meta-train` to `train`, `meta_val` to `val`/,
    ],
    [
      "flat images",
      ["data/cat_1.png", "data/cat_2.png"],
      "data",
      /FSL6002 .*no class folder[\s\S]*2 images lie directly in it[\s\S]*cat_1.png would be cat\/cat_1.png/,
    ],
    [
      "pickles",
      ["data/train.pkl", "data/test.pkl"],
      "data",
      /2 \.pkl files may hold images as arrays[\s\S]*2 files directly in .*: 2 \.pkl/,
    ],
    ["other types", tree(["data/test"], 3, "heic"), "data", /FSL6002 .*no class folder[\s\S]*Convert[\s\S]*9 \.heic/],
    [
      "splits inside of classes",
      ["data/a/train/1.png", "data/a/test/2.png", "data/b/train/3.png"],
      "data",
      /FSL6015 the folders in .* are read as classes \(a, b\), but they are probably not classes[\s\S]*the splits are inside of the classes \(a\/test\/…\)/,
    ],
    [
      "an archive in the folder",
      ["data/mini.zip"],
      "data",
      /mini.zip is an archive: unpack it or name the archive itself/,
    ],
    ["the layout of csv", ["data/train.csv", "data/images/1.png"], "data", /read it with the source `csv\(…\)`/],
    ["nothing", ["data/.hidden"], "data", /\/data is empty/],
  ])("%s", (_, paths, root, expected) => {
    expect(said(files(paths), { root })).toMatch(expected);
  });

  test("classes that a hash divides: what came out, and the ways to choose", () => {
    const dir = files(["data/k1/1.png", "data/k2/2.png"]);
    expect(said(dir)).toMatch(
      /a hash of the names divides its 2 class folders: 2 train, 0 val, 0 test\. To choose: make folders/,
    );
  });

  test("the same classes in all splits, with both ways out", () => {
    const dir = files(
      ["train", "test"].flatMap((split) => ["a", "b", "c"].map((name) => `data/${split}/${name}/1.png`)),
    );
    expect(said(dir)).toMatch(
      /^error FSL6007 the class `a` is in both `train` and `test`\nso are b, c\n[\s\S]*`classes shared`[\s\S]*two roots/,
    );
  });

  test("files of other types in class folders are counted by type; notes are not", () => {
    const dir = files([
      ...tree(["data/train", "data/test"]),
      "data/test/ct0/a.heic",
      "data/test/ct0/b.HEIC",
      "data/test/ct0/c",
      "data/test/ct0/notes.txt",
    ]);
    expect(said(dir)).toContain(
      "warning FSL6015 3 files in class folders are left out: 2 .heic, 1 without an ending; the first is test/ct0/a.heic",
    );
    expect(said(files(tree(["data/train", "data/test"])))).not.toContain("FSL6015");
  });

  test("lists with paths, lists without a match, and a missing folder of lists", () => {
    const dir = files(tree(["data"], 2));
    write(join(dir, "lists/train.txt"), "ca0/0.png\nca0/2.png\n");
    const args = { root: "data", lists: "lists" };
    expect(said(dir, args)).toMatch(/FSL6002 .*has one of the 2 names of the lists\n.*write `ca0` once/);
    write(join(dir, "lists/train.txt"), "emu\n");
    expect(said(dir, args)).toMatch(/FSL6002 .*has one of the 1 names/);
    expect(said(dir, { root: "data", lists: "list" })).toMatch(
      /FSL6005 .*list does not exist\n.*did you mean `lists`\?/,
    );
    write(join(dir, "lists/train.txt"), Buffer.from("caf\xe9\n", "latin1"));
    expect(said(dir, args)).toMatch(/FSL6004 .*train.txt, line 1: the file is not UTF-8 \(byte 0xE9/);
  });
});

describe("a root that is no folder of data", () => {
  test.each([
    ["~/mini", `\`~\` is not replaced: write \`${join(homedir(), "mini")}\``],
    ["my%20data", "write `my data`"],
    ["a\\b", "write `/` between folders"],
    ["$HOME/x", "variables of the shell are not replaced"],
    ["dat", "did you mean `data`?"],
    ["data/Nowhere", "/data has train"],
  ])("%s does not exist", (root, expected) => {
    const text = said(files(["data/train/a/1.png", "my data/x.png"]), { root });
    expect(text).toMatch(/^warning FSL6001 the data of `folder` are missing: \/.* does not exist/);
    expect(text).toContain(expected);
  });

  test.each([
    ["https://example.org/x.zip", /FSL6005 .*it is an address/],
    ["D:\fewdata", /FSL6005 .*a control character is in it/],
    ["data\train", /FSL6005 .*: `\\t` in a text is that character. Write `\/` between folders/],
    [
      "data.tar.gz",
      /FSL6002 .*data\.tar\.gz does not.*an archive of type \.tar\.gz\nonly \.zip archives are read in place/,
    ],
    ["file.png", /FSL6002 .*it is a file, not a folder/],
    ["no.zip", /FSL6002 .*it is no zip archive/],
  ])("%j is refused", (root, expected) => {
    expect(said(files(["data.tar.gz", "file.png", "no.zip"]), { root })).toMatch(expected);
  });

  test("links in a circle, links back to a folder above, and pairs of links end in one line", () => {
    const dir = files(["data/train/a/1.png"]);
    symlinkSync("loop", join(dir, "loop"));
    expect(said(dir, { root: "loop" })).toMatch(/FSL6002 .*its links lead in a circle|FSL6001/);
    for (let i = 0; i < 24; i++) {
      write(join(dir, `pairs/${i}/x.png`), "");
      if (i > 0) for (const name of ["a", "b"]) symlinkSync(`../${i}`, join(dir, `pairs/${i - 1}/${name}`));
    }
    expect(said(dir, { root: "pairs" })).toMatch(/FSL6002 .*links lead to the same folders more than 1000 times/);
    symlinkSync("..", join(dir, "data/train/up"));
    expect(said(dir)).toMatch(/FSL6002 .*the link `train\/up` leads back to a folder that contains it/);
  });

  test.skipIf(process.platform === "win32")("a pipe is refused, and one among the images is left out", () => {
    const dir = files(["data/train/a/1.png"]);
    execFileSync("mkfifo", [join(dir, "pipe"), join(dir, "data/train/a/2.png"), join(dir, "data/train.csv")]);
    expect(said(dir, { root: "pipe" })).toMatch(/FSL6002 .*it is a pipe/);
    expect(said(dir)).toContain("1 file in");
    expect(said(dir, { root: "data" }, "csv")).toMatch(/FSL6002 .*there is no train\.csv/);
  });
});

describe("CSV files", () => {
  const csv = (text: string | Uint8Array): string => {
    const dir = files(["data/images/1.png", "data/images/2.png"]);
    write(join(dir, "data/test.csv"), text);
    return said(dir, { root: "data" }, "csv");
  };
  test.each([
    [
      "without a header",
      "1.png,a\n2.png,b\n",
      /line 1: the file has no header: its first line names the image 1\.png\nput a first line `filename,label`/,
    ],
    ["without a header, swapped", "a,1.png\n", /put a first line `label,filename`/],
    ["with semicolons", "filename;label\n1.png;a\n", /the file uses `;` between its columns/],
    ["with tabs", "filename\tlabel\n1.png\ta\n", /the file uses tabs between its columns/],
    ["with other names", "foo,bar\n1.png,a\n", /line 1: a first line `filename,label` is expected/],
    [
      "with swapped columns",
      "filename,label\na,1.png\n",
      /line 2: images\/a is not there\nthe two columns seem to be swapped/,
    ],
    ["that leave the folder", "filename,label\n../../x.png,a\n", /line 2: \.\.\/\.\.\/x\.png leads out of images\//],
    [
      "with the folder in the paths",
      "filename,label\nimages/1.png,a\n",
      /images\/images\/1\.png is not there\nthe paths of a CSV file start inside/,
    ],
    ["with % codes", "filename,label\n%31.png,a\n", /`%` codes are not decoded: write 1\.png/],
    [
      "in Latin-1",
      Buffer.from("filename,label\n1.png,chat \xe9\n", "latin1"),
      /test\.csv, line 2: the file is not UTF-8 \(byte 0xE9/,
    ],
    ["in UTF-16", Buffer.from("\ufefffilename,label\n", "utf16le"), /the file is UTF-16/],
  ])("%s", (_, text, expected) => {
    expect(csv(text)).toMatch(/^error FSL6004 /);
    expect(csv(text)).toMatch(expected);
  });

  test("columns are found by their names, in any order", async () => {
    const dir = files(["data/images/1.png", "data/images/2.png"]);
    write(join(dir, "data/test.csv"), "\ufeffid,Class Name,Image-Path\n1,a,1.png\n2,b,2.png\n");
    const source = { kind: "csv", args: { root: "data" } };
    const { test: classes } = await findSource("csv").list(source, { projectDir: dir, cacheDir: dir });
    expect(classes?.map(({ name, images }) => [name, images.map((image) => image.name)])).toEqual([
      ["a", ["images/1.png"]],
      ["b", ["images/2.png"]],
    ]);
  });
});

describe("CUB", () => {
  const cub = (images: string, there: readonly string[]): string => {
    const dir = files(there);
    write(join(dir, "data/images.txt"), images);
    write(join(dir, "data/classes.txt"), "1 001.A\n");
    write(join(dir, "data/image_class_labels.txt"), "1 1\n2 1\n");
    return dir;
  };
  const listed = (dir: string) =>
    findSource("cub").list({ kind: "cub", args: { root: "data" } }, { projectDir: dir, cacheDir: dir });
  test("missing images are counted, and paths stay inside", async () => {
    expect(said(cub("1 a/x.jpg\n", ["data/Images/a/x.jpg"]), { root: "data" }, "cub")).toMatch(
      /FSL6002 .*1 of 1 images that images.txt names are missing: there is no folder images\/[\s\S]*Images\//,
    );
    await expect(listed(cub("1 a/x.jpg\n2 a/y.jpg\n", ["data/images/a/x.jpg"]))).rejects.toThrow(
      "1 of the 2 images that images.txt names are missing; the first is images/a/y.jpg",
    );
    await expect(listed(cub("1 a/x.jpg\n2 ../../y.jpg\n", ["data/images/a/x.jpg"]))).rejects.toThrow(
      "not inside of images/",
    );
  });
});

describe("zip archives", () => {
  const zipped = (paths: readonly string[]): string => {
    const dir = tempDir();
    write(join(dir, "data.zip"), zipOf(Object.fromEntries(paths.map((path) => [path, Buffer.from("x")]))));
    return dir;
  };
  test("may have one top folder, hidden files and the clutter of a Mac", async () => {
    const inside = ["mini/train/a/1.png", "mini/test/b/2.png", "mini/README.md"];
    const dir = zipped([
      ...inside,
      "__MACOSX/mini/train/a/._1.png",
      "mini/.DS_Store",
      "mini/test/b/._2.png",
      "mini/test/.x/3.png",
    ]);
    expect(lookAt(dir, "folder", { root: "data.zip" })?.splits.test).toEqual({
      classes: 1,
      images: 1,
      smallest: { name: "b", images: 1 },
      sizes: { b: 1 },
    });
    const source = { kind: "folder", args: { root: "data.zip" } };
    const { train } = await findSource("folder").list(source, { projectDir: dir, cacheDir: dir });
    expect(train?.map(({ name, images }) => [name, images.map(({ entry }) => entry)])).toEqual([
      ["a", ["mini/train/a/1.png"]],
    ]);
  });

  test("faults in them are found like those of folders", () => {
    expect(said(zipped(["Train/a/1.png", "Test/b/1.png"]), { root: "data.zip" })).toContain("rename `Test` to `test`");
    expect(said(zipped(["a_1.png", "a_2.png"]), { root: "data.zip" })).toContain("2 images lie directly in it");
    expect(said(zipped(["x.csv"]), { root: "data.zip" }, "csv")).toContain("there is no train.csv");
  });

  test("names of Windows and names that are not UTF-8 are read, and the latter are named", () => {
    const dir = tempDir();
    const bytes = zipOf({ "train\\XX\\1.png": Buffer.from("x"), "test/b/1.png": Buffer.from("x") });
    for (let at = bytes.indexOf("XX"); at >= 0; at = bytes.indexOf("XX")) bytes.set([0xc3, 0xa8 ^ 0x80], at);
    write(join(dir, "data.zip"), bytes);
    expect(readZipNames(join(dir, "data.zip")).names).toEqual(["train/├(/1.png", "test/b/1.png"]);
    expect(said(dir, { root: "data.zip" })).toContain(
      "are not UTF-8 and are read as code page 437; one is train/├(/1.png",
    );
  });
});
