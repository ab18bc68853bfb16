/** Reads CUB-200-2011 (Wah et al. 2011) in its own layout, with the 100/50/50 split of Chen et al. 2019. */

import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { SplitName } from "../../../compiler/typed/tree.js";
import { type FileTree, openFileTree } from "../file-tree.js";
import { type ImageRef, layoutError, resolvePath, type Source, splitNames, textArg } from "./source.js";

/** Returns the split of a class by its number from 0: even numbers train, 1 mod 4 validation, 3 mod 4 test. */
export function cubSplit(index: number): SplitName {
  return index % 2 === 0 ? "train" : index % 4 === 1 ? "val" : "test";
}

export const cub: Source = {
  description: {
    kind: "cub",
    summary: "CUB-200-2011: 200 species of birds, 11,788 photos, split into 100/50/50 classes",
    args: [
      {
        name: "root",
        type: "text",
        default: undefined,
        meaning: "the folder CUB_200_2011 of the archive (or a zip of it)",
      },
    ],
    channels: 3,
    square: false,
    obtain:
      "CUB_200_2011.tgz from the dataset's page at Caltech (search for “CUB-200-2011”); unpack it: the root has images.txt, image_class_labels.txt, classes.txt and images/",
    licence: "photos of many authors, for non-commercial research and education",
    fetched: false,
  },
  facts: () => ({
    splits: {
      train: { classes: 100, images: 5885, smallest: { name: "005.Crested_Auklet", images: 44 } },
      val: { classes: 50, images: 2950, smallest: { name: "006.Least_Auklet", images: 41 } },
      test: { classes: 50, images: 2953, smallest: { name: "008.Rhinoceros_Auklet", images: 48 } },
    },
  }),
  roots: (source, places) => [resolvePath(textArg(source, "root", undefined), places)],
  async list(source, places) {
    const root = resolvePath(textArg(source, "root", undefined), places);
    const tree = await openFileTree(source, root);
    const marker = tree.files.find((path) => path === "images.txt" || path.endsWith("/images.txt"));
    if (marker === undefined) throw layoutError(source, root, "there is no images.txt");
    const base = marker.slice(0, -"images.txt".length);
    for (const needed of ["classes.txt", "image_class_labels.txt"]) {
      if (!tree.has(base + needed)) throw layoutError(source, root, `there is no ${needed}`);
    }
    const classes = await readPairs(tree, `${base}classes.txt`);
    const labels = new Map(await readPairs(tree, `${base}image_class_labels.txt`));
    const byClass = new Map<string, ImageRef[]>(classes.map(([id]) => [id, []]));
    for (const [id, path] of await readPairs(tree, `${base}images.txt`)) {
      const images = byClass.get(labels.get(id) ?? "");
      if (images === undefined) throw layoutError(source, root, `image ${id} (${path}) has no class`);
      images.push(tree.image(`${base}images/${path}`));
    }
    const listed = classes.map(([id, name]) => ({ id: Number(id) - 1, name, images: byClass.get(id) ?? [] }));
    return Object.fromEntries(
      splitNames.map((split) => [
        split,
        listed.filter(({ id }) => cubSplit(id) === split).map(({ name, images }) => ({ name, images })),
      ]),
    );
  },
};

/** Reads a file whose lines are a number and a name. */
async function readPairs(tree: FileTree, path: string): Promise<[string, string][]> {
  const lines = (await tree.text(path)).split(/\r?\n/);
  const rows: [string, string][] = [];
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const match = /^(\d+)\s+(\S.*?)\s*$/.exec(line);
    const [, id, name] = match ?? [];
    if (id === undefined || name === undefined) {
      const problem = "a number and a name are expected";
      throw new DiagnosticError(diagnostic("FSL6004", undefined, { file: path, line: i + 1, problem }));
    }
    rows.push([id, name]);
  }
  return rows;
}
