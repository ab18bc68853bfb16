import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { DataSource, SplitName } from "../../src/compiler/typed/tree.js";
import { readClassLists } from "../../src/runtime/data/sources/class-lists.js";
import { cubSplit, openCub, readCub } from "../../src/runtime/data/sources/cub.js";
import { emojiSplit, sharedNames, svgOf } from "../../src/runtime/data/sources/emoji.js";
import { splitByName } from "../../src/runtime/data/sources/folder.js";
import { describeSources, findSource, sourceFacts } from "../../src/runtime/data/sources/index.js";
import { vinyalsSplit } from "../../src/runtime/data/sources/omniglot.js";
import type { Listing } from "../../src/runtime/data/sources/source.js";
import { Zip } from "../../src/runtime/data/zip.js";
import { failsWith, picture, realData, tempDir, withoutRealData, write, zipOf } from "./support.js";

const places = (projectDir: string) => ({ projectDir, cacheDir: join(projectDir, "cache") });
const list = (kind: string, args: DataSource["args"], projectDir: string): Promise<Listing> =>
  findSource(kind).list({ kind, args }, places(projectDir));
const look = (kind: string, args: DataSource["args"], projectDir = "/") =>
  sourceFacts({ kind, args }, projectDir, join(projectDir, "cache"));
/** What is known of the classes. */
const facts = (kind: string, args: DataSource["args"], projectDir = "/") => {
  const { splits: known } = look(kind, args, projectDir) ?? { splits: {} };
  return Object.keys(known).length === 0 ? undefined : { splits: known };
};
/** Class names and image names of a listing. */
const names = (listing: Listing) =>
  Object.fromEntries(
    Object.entries(listing).map(([split, classes]) => [
      split,
      Object.fromEntries(classes.map(({ name, images }) => [name, images.map((image) => image.name)])),
    ]),
  );
const published = (split: string, part: string): string[] =>
  readFileSync(join(realData.dir, "splits", split, `${part}.txt`), "utf8")
    .trim()
    .split("\n");
const splits = ["train", "val", "test"] as const;

describe("the table of sources", () => {
  test("describes each with its arguments, its licence and where it is to be had", () => {
    expect(
      describeSources()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual([
      "cifar100",
      "csv",
      "cub",
      "emoji",
      "fgvc_aircraft",
      "flowers102",
      "folder",
      "food101",
      "nabirds",
      "omniglot",
      "oxford_pets",
      "pickled",
      "stanford_cars",
      "stanford_dogs",
      "vectors",
    ]);
    for (const { obtain, license, args } of describeSources()) {
      expect(obtain).not.toBe("");
      expect(license).not.toBe("");
      for (const { meaning } of args) expect(meaning).not.toBe("");
    }
  });

  test("refuses a name that is none", async () => {
    await failsWith("FSL6006", () => findSource("tarball"));
    expect(facts("tarball", {})).toBeUndefined();
  });
});

describe("folder", () => {
  test("reads split folders, and class folders in them", async () => {
    const dir = tempDir();
    for (const path of [
      "train/ant/b.png",
      "train/ant/a.png",
      "train/bee/x/y.jpg",
      "test/cat/c.png",
      "test/cat/.hidden.png",
      "test/cat/note.txt",
    ]) {
      write(join(dir, "root", path), "");
    }
    expect(names(await list("folder", { root: "root" }, dir))).toEqual({
      train: { ant: ["train/ant/a.png", "train/ant/b.png"], bee: ["train/bee/x/y.jpg"] },
      test: { cat: ["test/cat/c.png"] },
    });
    expect(facts("folder", { root: "root" }, dir)).toEqual({
      splits: {
        train: { classes: 2, images: 3, smallest: { name: "bee", images: 1 }, sizes: { ant: 2, bee: 1 } },
        test: { classes: 1, images: 1, smallest: { name: "cat", images: 1 }, sizes: { cat: 1 } },
      },
    });
  });

  test.each([
    ["divided", "train/"],
    ["to divide", ""],
  ])("a folder without images is no class (%s)", async (_, inside) => {
    const dir = tempDir();
    for (const path of ["ant/1.png", "bee/1.png", "notes/readme.txt"]) write(join(dir, "root", inside + path), "");
    const args = { root: "root", val: 0, test: 0 };
    expect(Object.keys(names(await list("folder", args, dir)).train ?? {})).toEqual(["ant", "bee"]);
    expect(facts("folder", args, dir)?.splits).toEqual({
      train: { classes: 2, images: 2, smallest: { name: "ant", images: 1 }, sizes: { ant: 1, bee: 1 } },
    });
  });

  test("divides class folders by lists, and leaves out what no list names", async () => {
    const dir = tempDir();
    for (const name of ["ant", "bee", "cat", "dog"]) write(join(dir, "root", name, "1.png"), "");
    write(join(dir, "lists/train.txt"), "bee\nant\n");
    write(join(dir, "lists/test.txt"), "dog\r\n\r\n");
    const args = { root: "root", lists: "lists" };
    expect(names(await list("folder", args, dir))).toEqual({
      train: { ant: ["ant/1.png"], bee: ["bee/1.png"] },
      test: { dog: ["dog/1.png"] },
    });
    expect(facts("folder", args, dir)?.splits.train?.classes).toBe(2);
    write(join(dir, "lists/val.txt"), "ant\n");
    await failsWith("FSL6007", () => list("folder", args, dir));
    await failsWith("FSL6005", () => list("folder", { root: "root", lists: "root" }, dir));
    write(join(dir, "lists/val.txt"), "cat\nemu\n");
    const { message } = await failsWith("FSL6002", () => list("folder", args, dir));
    expect(message).toContain("the lists give 2 classes to val, and no folder with images is called emu (1 missing)");
    write(join(dir, "lists/val.txt"), "emu\n");
    expect(Object.keys(await list("folder", args, dir))).toEqual(["train", "test"]);
  });

  test("a class may be called `train`: lists divide all the same, and images right in it make no split of it", async () => {
    const dir = tempDir();
    for (const path of ["train/1.png", "tram/1.png"]) write(join(dir, "root", path), "");
    write(join(dir, "lists/train.txt"), "tram\n");
    write(join(dir, "lists/val.txt"), "train\n");
    const args = { root: "root", lists: "lists" };
    expect(names(await list("folder", args, dir))).toEqual({
      train: { tram: ["tram/1.png"] },
      val: { train: ["train/1.png"] },
    });
    expect(facts("folder", args, dir)?.splits.val?.smallest).toEqual({ name: "train", images: 1 });
    const whole = { root: "root", val: 0, test: 0 };
    expect(Object.keys(names(await list("folder", whole, dir)).train ?? {})).toEqual(["train", "tram"]);
    expect(facts("folder", whole, dir)?.splits.train?.classes).toBe(2);
  });

  test.each([
    ["fsl:mini-imagenet", "miniimagenet-ravi"],
    ["fsl:tiered-imagenet", "tieredimagenet-ren"],
  ])("published lists come with it: %s", async (lists, from) => {
    const dir = tempDir();
    const args = { root: "root", lists };
    for (const name of readClassLists({ kind: "folder", args }, places(dir), () => true)?.keys() ?? []) {
      write(join(dir, "root/train", name, "1.png"), "");
    }
    for (const path of ["val/n01532829/2.png", "other/1.png"]) write(join(dir, "root", path), "");
    const { train } = names(await list("folder", args, dir));
    expect(train?.["n01532829"]).toEqual(["train/n01532829/1.png", "val/n01532829/2.png"]);
    expect(facts("folder", args, dir)?.splits.train?.classes).toBe(Object.keys(train ?? {}).length);
    const { message } = await failsWith("FSL6005", () => list("folder", { root: "root", lists: "fsl:omniglot" }, dir));
    expect(message).toContain(`"${lists}"`);
    if (realData.missing) return;
    const known = readClassLists({ kind: "folder", args }, places(dir), () => true);
    for (const split of splits) {
      const here = [...(known ?? [])].filter(([, its]) => its === split).map(([name]) => name);
      expect(here.sort()).toEqual(published(from, split).sort());
    }
  });

  test("divides by fractions of a hash of the name, so that no class moves when others come", async () => {
    const dir = tempDir();
    const all = Array.from({ length: 60 }, (_, i) => `class${i}`);
    for (const name of all) write(join(dir, "root", name, "1.png"), "");
    const few = tempDir();
    for (const name of all.slice(0, 20)) write(join(few, "root", name, "1.png"), "");
    const args = { root: "root", val: 0.25, test: 0.25 };
    const [whole, part] = [names(await list("folder", args, dir)), names(await list("folder", args, few))];
    for (const split of splits) {
      const here = Object.keys(part[split] ?? {});
      expect(Object.keys(whole[split] ?? {})).toEqual(expect.arrayContaining(here));
    }
    const share = (split: SplitName) =>
      Array.from({ length: 10_000 }, (_, i) => splitByName(`n${i}`, 0.16, 0.2)).filter((s) => s === split).length /
      10_000;
    expect(share("train")).toBeCloseTo(0.64, 1);
    expect(share("val")).toBeCloseTo(0.16, 1);
    await failsWith("FSL6005", () => list("folder", { root: "root", val: 0.5, test: 0.5 }, dir));
    await failsWith("FSL6005", () => list("folder", { root: "root", val: 2 }, dir));
  });

  test("says what is wrong with a folder of something else", async () => {
    const dir = tempDir();
    write(join(dir, "root/readme.txt"), "");
    await failsWith("FSL6002", () => list("folder", { root: "root" }, dir));
    await failsWith("FSL6005", () => list("folder", {}, dir));
    expect(facts("folder", { root: "nowhere" }, dir)).toBeUndefined();
  });

  test("names a link that leads nowhere", async () => {
    const dir = tempDir();
    write(join(dir, "root/train/ant/a.png"), "");
    symlinkSync(join(dir, "gone.png"), join(dir, "root/train/ant/b.png"));
    const { message } = await failsWith("FSL6002", () => list("folder", { root: "root" }, dir));
    expect(message).toContain("`train/ant/b.png` cannot be read: it is a broken link");
    expect(message).not.toContain("ENOENT");
  });

  test("reads a zip archive as it reads a folder", async () => {
    const dir = tempDir();
    const image = await picture(1);
    write(join(dir, "data.zip"), zipOf({ "train/ant/1.png": image, "test/bee/2.png": image }));
    expect(names(await list("folder", { root: "data.zip" }, dir))).toEqual({
      train: { ant: ["train/ant/1.png"] },
      test: { bee: ["test/bee/2.png"] },
    });
  });
});

describe("csv", () => {
  const made = (train: string): string => {
    const dir = tempDir();
    write(join(dir, "train.csv"), train);
    for (const name of ["a.jpg", "b.jpg", "c.jpg"]) write(join(dir, "images", name), "");
    return dir;
  };

  test("skips the header, orders labels by first appearance", async () => {
    const dir = made("filename,label\nc.jpg,two\na.jpg,one\r\nb.jpg,two\n");
    expect(names(await list("csv", { root: "." }, dir))).toEqual({
      train: { two: ["images/c.jpg", "images/b.jpg"], one: ["images/a.jpg"] },
    });
    expect(facts("csv", { root: "." }, dir)?.splits.train).toEqual({
      classes: 2,
      images: 3,
      smallest: { name: "one", images: 1 },
      sizes: { two: 2, one: 1 },
    });
  });

  test("names file and line of what cannot be read", async () => {
    const short = await failsWith("FSL6004", () =>
      list("csv", { root: "." }, made("filename,label\na.jpg,one\nb.jpg\n")),
    );
    expect(short.message).toBe("train.csv, line 3: `filename,label` is expected");
    const missing = await failsWith("FSL6004", () => list("csv", { root: "." }, made("filename,label\nz.jpg,one\n")));
    expect(missing.message).toBe("train.csv, line 2: images/z.jpg is not there");
    await failsWith("FSL6004", () => list("csv", { root: "." }, made('filename,label\n"a.jpg,one\n')));
    await failsWith("FSL6002", () => list("csv", { root: "images" }, made("filename,label\n")));
  });

  test.skipIf(realData.missing)(
    `the miniImageNet sample: the published classes, 40 images each (${withoutRealData})`,
    async () => {
      const listing = await list("csv", { root: join(realData.dir, "miniimagenet-sample.zip") }, "/");
      for (const split of splits) {
        const classes = listing[split] ?? [];
        expect(classes.map(({ name }) => name).sort()).toEqual(published("miniimagenet-ravi", split).sort());
        expect(classes.every(({ images }) => images.length === 40)).toBe(true);
      }
    },
  );
});

describe("cub", () => {
  test("divides by the number of the class", async () => {
    const dir = tempDir();
    const classes = ["001.A", "002.B", "003.C", "004.D"];
    write(join(dir, "classes.txt"), classes.map((name, i) => `${i + 1} ${name}\n`).join(""));
    write(join(dir, "images.txt"), "1 001.A/x.jpg\n2 002.B/y.jpg\n3 003.C/z.jpg\n4 004.D/with space.jpg\n");
    write(join(dir, "image_class_labels.txt"), "1 1\n2 2\n3 3\n4 4\n");
    for (const path of ["001.A/x.jpg", "002.B/y.jpg", "003.C/z.jpg", "004.D/with space.jpg"]) {
      write(join(dir, "images", path), "");
    }
    expect(names(await list("cub", { root: "." }, dir))).toEqual({
      train: { "001.A": ["images/001.A/x.jpg"], "003.C": ["images/003.C/z.jpg"] },
      val: { "002.B": ["images/002.B/y.jpg"] },
      test: { "004.D": ["images/004.D/with space.jpg"] },
    });
    write(join(dir, "image_class_labels.txt"), "1 1\n");
    await failsWith("FSL6002", () => list("cub", { root: "." }, dir));
    write(join(dir, "image_class_labels.txt"), "1 1\nno number\n");
    await failsWith("FSL6004", () => list("cub", { root: "." }, dir));
  });

  test.skipIf(realData.missing)(
    `the real texts: the published 100/50/50 and the facts (${withoutRealData})`,
    async () => {
      // The archive has the texts alone, so its images are not asked for.
      const source = { kind: "cub", args: { root: join(realData.dir, "cub-200-2011-texts.zip") } };
      const listing = await readCub(source, openCub(source, places("/")));
      const known = facts("cub", { root: "x" });
      for (const split of splits) {
        const classes = listing[split] ?? [];
        expect(classes.map(({ name }) => name)).toEqual(published("cub-closerlook", split));
        const images = classes.reduce((sum, one) => sum + one.images.length, 0);
        const smallest = [...classes].sort((a, b) => a.images.length - b.images.length)[0];
        expect(known?.splits[split]).toEqual({
          classes: classes.length,
          images,
          smallest: { name: smallest?.name, images: smallest?.images.length },
        });
      }
      expect(cubSplit(0)).toBe("train");
      expect(listing.train?.[0]?.images[0]?.name).toContain("CUB_200_2011/images/001.Black_footed_Albatross/");
    },
  );
});

describe("omniglot", () => {
  const root = join(realData.dir, "omniglot");

  test.skipIf(realData.missing)(`the shipped split is the published one (${withoutRealData})`, () => {
    const split = vinyalsSplit();
    for (const part of splits) expect(split[part]).toEqual(published("omniglot-vinyals", part));
  });

  test.skipIf(realData.missing)(
    `the official zips: each character of the split, 20 drawings, four turns (${withoutRealData})`,
    async () => {
      for (const rotations of [true, false]) {
        const args = { root, rotations, split: "vinyals" };
        const listing = await list("omniglot", args, "/");
        const known = facts("omniglot", args);
        for (const split of splits) {
          const classes = listing[split] ?? [];
          expect(classes.every(({ images }) => images.length === 20)).toBe(true);
          expect(known?.splits[split]).toEqual({
            classes: classes.length,
            images: classes.length * 20,
            smallest: { name: classes[0]?.name, images: 20 },
          });
        }
        expect(listing.train).toHaveLength(rotations ? 4112 : 1028);
        expect(listing.test?.slice(0, 2).map(({ name }) => name)).toEqual(
          rotations
            ? ["Gurmukhi/character42@0", "Gurmukhi/character42@90"]
            : ["Gurmukhi/character42", "Gurmukhi/character43"],
        );
      }
    },
  );

  test.skipIf(realData.missing)(`background and evaluation: 964 and 659 characters (${withoutRealData})`, async () => {
    const args = { root, rotations: false, split: "background" };
    const listing = await list("omniglot", args, "/");
    expect(listing.train).toHaveLength(964);
    expect(listing.test).toHaveLength(659);
    expect(listing.val).toBeUndefined();
    const known = facts("omniglot", args);
    expect(known?.splits.train).toMatchObject({ classes: 964, smallest: { name: listing.train?.[0]?.name } });
    expect(known?.splits.test).toMatchObject({ classes: 659, smallest: { name: listing.test?.[0]?.name } });
  });

  test("unpacked folders, with what is missing named", async () => {
    const dir = tempDir();
    for (const part of ["images_background/A/character01", "images_evaluation/B/character01"]) {
      write(join(dir, part, "0001_01.png"), "");
    }
    expect(names(await list("omniglot", { root: ".", rotations: false, split: "background" }, dir))).toEqual({
      train: { "A/character01": ["images_background/A/character01/0001_01.png"] },
      test: { "B/character01": ["images_evaluation/B/character01/0001_01.png"] },
    });
    const { message } = await failsWith("FSL6002", () => list("omniglot", { root: "." }, dir));
    expect(message).toContain("images_background/Alphabet_of_the_Magi/character01 is missing");
    await failsWith("FSL6005", () => list("omniglot", { root: ".", split: "lake" }, dir));
    await failsWith("FSL6005", () => list("omniglot", { root: ".", rotations: 4 }, dir));
  });
});

describe("emoji", () => {
  test("a folder of drawings that was damaged says how to fix it", async () => {
    const dir = tempDir();
    const { message } = await failsWith("FSL6030", () => list("emoji", {}, dir));
    expect(message).toContain("names.json cannot be read");
    const [folder] = /\S*emoji-\w+/.exec(message) ?? [];
    write(join(folder ?? "", "names.json"), '{"a": 1}');
    await failsWith("FSL6030", () => list("emoji", {}, dir));
    write(join(folder ?? "", "names.json"), '["ant"]');
    expect(Object.values(names(await list("emoji", {}, dir))).flatMap((split) => Object.keys(split))).toEqual(["ant"]);
  });

  test("the facts are those of the rule", () => {
    const known = facts("emoji", {})?.splits;
    const classes = splits.map((split) => known?.[split]?.classes ?? 0);
    expect(classes.reduce((a, b) => a + b, 0)).toBe(878);
    for (const split of splits) {
      expect(known?.[split]?.images).toBe(8 * (known?.[split]?.classes ?? 0));
      expect(emojiSplit(known?.[split]?.smallest.name ?? "")).toBe(split);
    }
  });

  test("a class stays in its split", () => {
    expect(["admission-tickets", "airplane-departure", "aerial-tramway", "zzz"].map(emojiSplit)).toEqual([
      "train",
      "val",
      "test",
      "train",
    ]);
  });

  test("names are those of every set, without flags; drawings keep their proportions", () => {
    const body = "<path/>";
    const a = {
      width: 36,
      height: 36,
      icons: { b: { body }, a: { body, height: 20 }, "flag-x": { body }, only: { body } },
    };
    const b = { icons: { a: { body }, b: { body }, "flag-x": { body } } };
    expect(sharedNames([a, b])).toEqual(["a", "b"]);
    expect(svgOf(a, "a")).toContain('width="96" height="96" viewBox="0 0 36 20"');
    expect(svgOf(b, "a")).toContain('viewBox="0 0 16 16"');
  });
});

describe("zip archives", () => {
  test("damaged ones are refused, entry by entry", async () => {
    const dir = tempDir();
    const bytes = zipOf({ "a.txt": Buffer.from("hello"), "b.txt": Buffer.from("world") });
    const at = bytes.indexOf("hello");
    bytes[at] = 0;
    write(join(dir, "x.zip"), bytes);
    const zip = await Zip.open(join(dir, "x.zip"));
    expect((await zip.read("b.txt")).toString()).toBe("world");
    await expect(zip.read("a.txt")).rejects.toThrow("checksum");
    await expect(zip.read("c.txt")).rejects.toThrow("no such entry");
    await zip.close();
    write(join(dir, "y.zip"), "not an archive");
    await expect(Zip.open(join(dir, "y.zip"))).rejects.toThrow();
    expect(existsSync(join(dir, "y.zip"))).toBe(true);
  });
});
