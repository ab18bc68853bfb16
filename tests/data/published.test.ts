/** Published data sets in their official layouts, with images made up. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import type { DataSource, Transform } from "../../src/compiler/typed/tree.js";
import { ingest } from "../../src/runtime/data/ingest.js";
import { findSource, sourceFacts } from "../../src/runtime/data/sources/index.js";
import type { Listing } from "../../src/runtime/data/sources/source.js";
import { boxed } from "../../src/runtime/data/transforms/windows.js";
import { type MatValue, matFile } from "./mat-file.js";
import { dataset, failsWith, options, tempDir, write } from "./support.js";

type Files = Readonly<Record<string, string | Buffer>>;

/** Writes the files below `root`, and lists them as a part of the set. */
async function listed(kind: string, files: Files, args: DataSource["args"] = {}): Promise<Listing> {
  const dir = tempDir();
  for (const [path, content] of Object.entries(files)) write(join(dir, "root", path), content);
  const source = { kind, args: { root: "root", partial: true, ...args } };
  return await findSource(kind).list(source, { projectDir: dir, cacheDir: join(dir, "cache") });
}
/** The images of each class by split, with their boxes. */
const shown = (listing: Listing) =>
  Object.fromEntries(
    Object.entries(listing).map(([split, classes]) => [
      split,
      Object.fromEntries(
        classes.map(({ name, images }) => [
          name,
          images.map(({ name: path, box }) =>
            box === undefined ? path : `${path} ${box.left} ${box.top} ${box.width} ${box.height}`,
          ),
        ]),
      ),
    ]),
  );
const images = (...paths: string[]): Files => Object.fromEntries(paths.map((path) => [path, ""]));

describe("Stanford Cars", () => {
  const names = { cells: ["AM General Hummer SUV 2000", "Acura RL Sedan 2012", "Ram C/V Cargo Van Minivan 2012"] };
  const car = (file: string, label: number, box: readonly number[], name = "fname"): Record<string, MatValue> => ({
    bbox_x1: box[0] ?? 0,
    bbox_y1: box[1] ?? 0,
    bbox_x2: box[2] ?? 0,
    bbox_y2: box[3] ?? 0,
    class: label,
    [name]: file,
  });

  test("reads both parts, and a box without height is none", async () => {
    const listing = await listed(
      "stanford_cars",
      {
        "devkit/cars_meta.mat": matFile({ class_names: names }),
        "devkit/cars_train_annos.mat": matFile({
          annotations: { records: [car("00001.jpg", 2, [39, 116, 569, 375]), car("00002.jpg", 3, [5, 9, 20, 8])] },
        }),
        "devkit/cars_test_annos_withlabels.mat": matFile({
          annotations: { records: [car("00001.jpg", 2, [1, 1, 2, 2])] },
        }),
        ...images("cars_train/00001.jpg", "cars_train/00002.jpg", "cars_test/00001.jpg"),
      },
      { split: "hash" },
    );
    expect(Object.assign({}, ...Object.values(shown(listing)))).toEqual({
      "Acura RL Sedan 2012": ["cars_train/00001.jpg 38 115 531 260", "cars_test/00001.jpg 0 0 2 2"],
      "Ram C/V Cargo Van Minivan 2012": ["cars_train/00002.jpg"],
    });
  });

  test("reads the older form with one list", async () => {
    const listing = await listed("stanford_cars", {
      "cars_annos.mat": matFile({
        annotations: { records: [car("car_ims/000001.jpg", 2, [1, 1, 9, 9], "relative_im_path")] },
        class_names: names,
      }),
      ...images("car_ims/000001.jpg"),
    });
    const all = Object.assign({}, ...Object.values(shown(listing)));
    expect(all).toEqual({ "Acura RL Sedan 2012": ["car_ims/000001.jpg 0 0 9 9"] });
  });
});

test("Stanford Dogs: a box is that of the first object in the annotation", async () => {
  const folder = "n02085620-Chihuahua";
  const object = "<object><bndbox><xmin>25</xmin><ymin>10</ymin><xmax>276</xmax><ymax>498</ymax></bndbox></object>";
  const listing = await listed("stanford_dogs", {
    ...images(`Images/${folder}/n02085620_7.jpg`, `Images/${folder}/n02085620_10.jpg`),
    [`Annotation/${folder}/n02085620_7`]: `<annotation>${object}</annotation>`,
  });
  expect(shown(listing)).toMatchObject({
    train: { [folder]: [`Images/${folder}/n02085620_10.jpg`, `Images/${folder}/n02085620_7.jpg 24 9 252 489`] },
  });
});

describe("FGVC-Aircraft", () => {
  const files: Files = {
    "data/variants.txt": "707-320\n727-200\n737-200\nF/A-18\n",
    "data/families.txt": "Boeing 707\nBoeing 727\nBoeing 737\nF/A-18\n",
    "data/images_variant_trainval.txt": "0034309 707-320\n0034310 F/A-18\n",
    "data/images_variant_test.txt": "0034311 727-200\n",
    "data/images_family_trainval.txt": "0034309 Boeing 707\n0034310 F/A-18\n",
    "data/images_family_test.txt": "0034311 Boeing 727\n",
    "data/images_box.txt": "0034309 3 144 998 431\n",
    ...images("data/images/0034309.jpg", "data/images/0034310.jpg", "data/images/0034311.jpg"),
  };
  test("divides variants by their places", async () => {
    expect(shown(await listed("fgvc_aircraft", files))).toEqual({
      train: { "707-320": ["data/images/0034309.jpg 2 143 996 288"] },
      val: { "727-200": ["data/images/0034311.jpg"] },
      test: { "F/A-18": ["data/images/0034310.jpg"] },
    });
  });
  test("takes another level of labels", async () => {
    const listing = await listed("fgvc_aircraft", files, { level: "family" });
    expect(listing.val?.map(({ name }) => name)).toEqual(["Boeing 727"]);
  });
});

test("`box` cuts the images of a pack, and its boxes are a part of the digest; `trim` drops the banner", async () => {
  const dir = tempDir();
  // The left half is black and the right half white, above a gray banner of two rows.
  const [height, width] = [12, 16];
  const data = Buffer.alloc(3 * height * width);
  for (let i = 0; i < height * width; i++) data.fill(i >= 10 * width ? 128 : i % width < 8 ? 0 : 255, 3 * i, 3 * i + 3);
  const png = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  const files: Files = {
    "variants.txt": "707-320\n",
    "images_variant_trainval.txt": "0034309 707-320\n",
    "images_variant_test.txt": "",
    "images_box.txt": "0034309 9 1 16 12\n",
    "images/0034309.jpg": png,
  };
  for (const [path, content] of Object.entries(files)) write(join(dir, "root", path), content);
  const chain: Transform[] = [
    { op: "trim", bottom: 2 },
    { op: "box", pad: 0 },
    { op: "resize", size: 6 },
    { op: "center_crop", size: 6 },
  ];
  const cut = dataset(
    "fgvc_aircraft",
    { root: "root", partial: true },
    { train: chain, eval: chain, image: { channels: 3, height: 6, width: 6 } },
  );
  const pack = await ingest(cut, options(dir));
  const rows = readFileSync(pack.layout.variants[0]?.file ?? "");
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.every((value) => value === 255)).toBe(true);

  write(join(dir, "root", "images_box.txt"), "0034309 1 1 8 10\n");
  const other = await ingest(cut, options(dir));
  expect(other.splits.train?.digest).not.toBe(pack.splits.train?.digest);
  expect(other.splits.train?.imageDigest).toBe(pack.splits.train?.imageDigest);
});

test("a box reaches as far as the image goes, and one outside of it changes nothing", () => {
  const image = { channels: 1, height: 2, width: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  const at = (left: number, top: number, width: number, height: number, pad = 0) => [
    ...boxed(image, { left, top, width, height }, pad).data,
  ];
  expect(at(1, 0, 1, 2)).toEqual([2, 5]);
  expect(at(1, 0, 1, 1, 1)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(at(2, 1, 100, 100)).toEqual([6]);
  expect(at(7, 7, 2, 2)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("NABirds: all birds of a family are in one split", async () => {
  const uuid = (n: number): string => `0000139e-21dc-4d0c-bfe1-4cae3c85c8${n}0`;
  const classes = [101, 102, 103, 104, 105, 106, 107, 108];
  const listing = await listed(
    "nabirds",
    {
      "classes.txt": ["0 Birds", "1 Ducks", "11 Geese", "12 Teals", ...classes.map((id) => `${id} Bird (form)`)].join(
        "\n",
      ),
      "hierarchy.txt": ["1 0", "11 1", "12 1", ...classes.map((id) => `${id} ${id < 105 ? 11 : 12}`)].join("\n"),
      "images.txt": classes.map((id) => `${uuid(id)} 0${id}/a${id}.jpg`).join("\n"),
      "image_class_labels.txt": classes.map((id) => `${uuid(id)} ${id}`).join("\n"),
      "bounding_boxes.txt": `${uuid(101)} 83 59 128 228\n`,
      ...images(...classes.map((id) => `images/0${id}/a${id}.jpg`)),
    },
    { split: "families" },
  );
  const places = Object.values(shown(listing)).filter((found) => Object.keys(found).length > 0);
  const family = (ids: readonly number[]) => ids.map((id) => `0${id}.Bird (form)`);
  for (const found of places) {
    const inSplit = Object.keys(found);
    for (const whole of [family(classes.slice(0, 4)), family(classes.slice(4))])
      expect([0, 4]).toContain(whole.filter((name) => inSplit.includes(name)).length);
  }
  expect(places.flatMap((found) => Object.values(found).flat())).toContain("images/0101/a101.jpg 83 59 128 228");
});

test("Flowers-102: labels are numbers, and Meta-Dataset's list has the names", async () => {
  const listing = await listed("flowers102", {
    "imagelabels.mat": matFile({ labels: [77, 1] }),
    ...images("jpg/image_00001.jpg", "jpg/image_00002.jpg"),
  });
  const all = Object.assign({}, ...Object.values(shown(listing)));
  expect(all).toEqual({ "077.passion flower": ["jpg/image_00001.jpg"], "001.pink primrose": ["jpg/image_00002.jpg"] });
});

test("Food-101: both lists are one set", async () => {
  const listing = await listed("food101", {
    "meta/classes.txt": "apple_pie\nwaffles\n",
    "meta/train.txt": "apple_pie/1005649\n",
    "meta/test.txt": "apple_pie/7\n",
    ...images("images/apple_pie/1005649.jpg", "images/apple_pie/7.jpg"),
  });
  const all = Object.assign({}, ...Object.values(shown(listing)));
  expect(all).toEqual({ apple_pie: ["images/apple_pie/1005649.jpg", "images/apple_pie/7.jpg"] });
});

describe("Oxford-IIIT Pet", () => {
  /** The 37 breeds, with numbers of images that are those of the set together. */
  const list = Array.from({ length: 7349 }, (_, i) => `Breed_${i % 37}_${i}`);
  const root = tempDir();
  const look = (args: DataSource["args"] = {}) =>
    sourceFacts({ kind: "oxford_pets", args: { root, ...args } }, "/", join(root, "cache"));
  const listOf = (names: readonly string[]): string =>
    `#Image CLASS-ID SPECIES BREED ID\n${names.map((name) => `${name} 1 1 1`).join("\n")}\n`;

  test("all images of the published set are a set, and fewer are not", () => {
    write(join(root, "annotations/list.txt"), listOf(list));
    mkdirSync(join(root, "images"));
    for (const name of list) writeFileSync(join(root, "images", `${name}.jpg`), "");
    const whole = look();
    expect(whole?.findings).toEqual([]);
    expect(Object.values(whole?.splits ?? {}).reduce((sum, { images: n }) => sum + n, 0)).toBe(7349);

    write(join(root, "annotations/list.txt"), listOf(list.slice(0, 3)));
    const [refusal] = look()?.findings ?? [];
    expect(refusal).toMatchObject({ code: "FSL6002", severity: "error" });
    expect(refusal?.message).toContain("3 of its 7349 images are there; it has 3 classes, and 37 were published");
    const part = look({ partial: true });
    expect(part?.findings).toMatchObject([{ code: "FSL6015", severity: "warning" }]);
  });

  test("a line that is none is refused at its file", async () => {
    write(join(root, "annotations/list.txt"), "Abyssinian_100\n");
    const places = { projectDir: root, cacheDir: root };
    const source = { kind: "oxford_pets", args: { root } };
    await failsWith("FSL6004", () => findSource("oxford_pets").list(source, places));
  });
});
