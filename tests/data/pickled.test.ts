/** Few-shot data sets in pickles, which Python and numpy wrote: three images of 2 × 2 pixels, whose bytes count from 0. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ImageReader } from "../../src/runtime/data/image-reader.js";
import { ingest } from "../../src/runtime/data/ingest.js";
import { findSource, sourceFacts } from "../../src/runtime/data/sources/index.js";
import { dataset, failsWith, options, tempDir, write } from "./support.js";

/** `{"data": uint8 [3, 2, 2, 3], "labels": [5, 5, 9], "catname2label": {…}}`, protocol 4. */
const byLabels = Buffer.from(
  "gASVAgEAAAAAAAB9lCiMBGRhdGGUjBZudW1weS5fY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25kYXJyYXmUk5RLAIWUQwFilIeUUpQoSwEoSwNLAksCSwN0lGgFjAVkdHlwZZSTlIwCdTGUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LAHSUYolDJAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiI5R0lGKMBmxhYmVsc5RdlChLBUsFSwlljA1jYXRuYW1lMmxhYmVslH2UKIwJbjAxNTMyODI5lEsFjAluMDE1NTg5OTOUSwl1dS4=",
  "base64",
);
/** The same with numpy's integers in the list of labels, and no names. */
const byScalars = Buffer.from(
  "gASVNAEAAAAAAAB9lCiMBGRhdGGUjBZudW1weS5fY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25kYXJyYXmUk5RLAIWUQwFilIeUUpQoSwEoSwNLAksCSwN0lGgFjAVkdHlwZZSTlIwCdTGUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LAHSUYolDJAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiI5R0lGKMBmxhYmVsc5RdlChoAowGc2NhbGFylJOUaA6MAmk4lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGJDCAUAAAAAAAAAlIaUUpRoGWgcQwgFAAAAAAAAAJSGlFKUaBloHEMICQAAAAAAAACUhpRSlGV1Lg==",
  "base64",
);
/** `{"image_data": uint8 [3, 2, 2, 3], "class_dict": {"n01532829": array([0, 2]), "n01558993": [1]}}`, protocol 3. */
const byClasses = Buffer.from(
  "gAN9cQAoWAoAAABpbWFnZV9kYXRhcQFjbnVtcHkuX2NvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQJjbnVtcHkKbmRhcnJheQpxA0sAhXEEQwFicQWHcQZScQcoSwEoSwNLAksCSwN0cQhjbnVtcHkKZHR5cGUKcQlYAgAAAHUxcQqJiIdxC1JxDChLA1gBAAAAfHENTk5OSv////9K/////0sAdHEOYolDJAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiI3EPdHEQYlgKAAAAY2xhc3NfZGljdHERfXESKFgJAAAAbjAxNTMyODI5cRNoAmgDSwCFcRRoBYdxFVJxFihLAUsChXEXaAlYAgAAAGk4cRiJiIdxGVJxGihLA1gBAAAAPHEbTk5OSv////9K/////0sAdHEcYolDEAAAAAAAAAAAAgAAAAAAAABxHXRxHmJYCQAAAG4wMTU1ODk5M3EfXXEgSwFhdXUu",
  "base64",
);
/** `[array of the bytes "PNG one", b"PNG two!"]`, protocol 4. */
const encoded = Buffer.from(
  "gASVnwAAAAAAAABdlCiMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAxfcmVjb25zdHJ1Y3SUk5SMBW51bXB5lIwHbmRhcnJheZSTlEsAhZRDAWKUh5RSlChLAUsHhZRoBIwFZHR5cGWUk5SMAnUxlImIh5RSlChLA4wBfJROTk5K/////0r/////SwB0lGKJQwdQTkcgb25llHSUYkMIUE5HIHR3byGUZS4=",
  "base64",
);
/** `{"label_specific": array([1, 0]), "label_specific_str": ["zebra", "ant"], …}`, protocol 4. */
const labels = Buffer.from(
  "gASVMwEAAAAAAAB9lCiMDmxhYmVsX3NwZWNpZmljlIwWbnVtcHkuX2NvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwKFlGgFjAVkdHlwZZSTlIwCaTiUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYolDEAEAAAAAAAAAAAAAAAAAAACUdJRijA1sYWJlbF9nZW5lcmFslGgEaAdLAIWUaAmHlFKUKEsBSwKFlGgRiUMQAAAAAAAAAAAAAAAAAAAAAJR0lGKMEmxhYmVsX3NwZWNpZmljX3N0cpRdlCiMBXplYnJhlIwDYW50lGWMEWxhYmVsX2dlbmVyYWxfc3RylF2UjAZhbmltYWyUYXUu",
  "base64",
);

function rootWith(files: Readonly<Record<string, Buffer>>): string {
  const root = tempDir();
  for (const [name, content] of Object.entries(files)) write(join(root, name), content);
  return root;
}
const sourceOf = (root: string, set: string, partial = true) => ({ kind: "pickled", args: { root, set, partial } });
const places = (root: string) => ({ projectDir: root, cacheDir: join(root, "cache") });

/** The bytes of each image of the training split by class. */
async function read(root: string, set: string): Promise<Record<string, string[]>> {
  const { train = [] } = await findSource("pickled").list(sourceOf(root, set), places(root));
  const reader = new ImageReader();
  const found: Record<string, string[]> = {};
  for (const { name, images } of train) {
    found[name] = [];
    for (const image of images) found[name].push(Buffer.from(await reader.read(image)).toString("latin1"));
  }
  await reader.close();
  return found;
}
const pixels = (image: number): string => String.fromCharCode(...Array.from({ length: 12 }, (_, i) => 12 * image + i));

describe("forms", () => {
  test("pixels with a label for each image", async () => {
    expect(await read(rootWith({ "FC100_train.pickle": byLabels }), "fc100")).toEqual({
      n01532829: [pixels(0), pixels(1)],
      n01558993: [pixels(2)],
    });
  });
  test("labels of numpy, and classes without names", async () => {
    expect(await read(rootWith({ "CIFAR_FS_train.pickle": byScalars }), "cifar_fs")).toEqual({
      "CIFAR_FS_train.pickle class 5": [pixels(0), pixels(1)],
      "CIFAR_FS_train.pickle class 9": [pixels(2)],
    });
  });
  test("pixels with the images of each class", async () => {
    expect(await read(rootWith({ "mini-imagenet-cache-train.pkl": byClasses }), "mini_imagenet")).toEqual({
      n01532829: [pixels(0), pixels(2)],
      n01558993: [pixels(1)],
    });
  });
  test("encoded images with labels in a file of their own, which alone is read for the facts", async () => {
    const root = rootWith({ "train_images_png.pkl": encoded, "train_labels.pkl": labels });
    expect(await read(root, "tiered_imagenet")).toEqual({ zebra: ["PNG two!"], ant: ["PNG one"] });
    write(join(root, "train_images_png.pkl"), "no pickle");
    const facts = sourceFacts(sourceOf(root, "tiered_imagenet"), root, root);
    expect(facts?.splits.train).toMatchObject({ classes: 2, images: 2 });
  });
});

test("pixels of a pickle become planes of a pack", async () => {
  const root = rootWith({ "FC100_train.pickle": byLabels });
  const image = { channels: 3, height: 2, width: 2 };
  const pack = await ingest(dataset("pickled", sourceOf(root, "fc100").args, { image }), options(root));
  const rows = readFileSync(pack.layout.variants[0]?.file ?? "");
  expect([...rows.subarray(0, 12)]).toEqual([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
});

test("a set that is not the published one is refused, and a part is one with a warning", async () => {
  const root = rootWith({ "mini-imagenet-cache-train.pkl": byClasses });
  const { message } = await failsWith("FSL6002", () =>
    findSource("pickled").list(sourceOf(root, "mini_imagenet", false), places(root)),
  );
  expect(message).toContain("`train` has 3 images of 2 classes, and 38400 of 64 were published");
  expect(message).toContain("there is no mini-imagenet-cache-val.pkl and no miniImageNet_category_split_val.pickle");
  expect(sourceFacts(sourceOf(root, "mini_imagenet"), root, root)?.findings).toMatchObject([{ code: "FSL6015" }]);
});

test.each([
  ["os.system", Buffer.from("\x80\x04\x8c\x02os\x8c\x06system\x93.", "latin1"), "names `os system`"],
  ["a file that ends in the array", byLabels.subarray(0, 150), "cut off at byte 150"],
  ["a value that is no array", Buffer.from("\x80\x02}U\x04dataK\x01s.", "latin1"), "it has no array"],
])("%s is refused", async (_, content, problem) => {
  const root = rootWith({ "FC100_train.pickle": content });
  const { message } = await failsWith("FSL6002", () =>
    findSource("pickled").list(sourceOf(root, "fc100"), places(root)),
  );
  expect(message).toContain(problem);
});
