/** Reads miniImageNet, tieredImageNet, CIFAR-FS and FC100 from the pickles in which they are passed around. */
import { join } from "node:path";
import type { DataSource, SourceSplit } from "../../../../compiler/typed/tree.js";
import { reason } from "../../../system/reason.js";
import { publishedClasses } from "../class-lists.js";
import { plural, some } from "../overview.js";
import { badArg, boolArg, type ListedClass, layoutError, rootOf, type Source, splitNames, textArg } from "../source.js";
import { factsOf, partialArgument, partialHelp } from "./partial.js";
import { countPickledSplit, type PickledFiles, readPickledSplit } from "./pickled-split.js";
import { SetFiles } from "./set-files.js";

interface PickledSet {
  /** The published numbers of classes and images of the splits. */
  readonly counts: Readonly<Record<SourceSplit, readonly [classes: number, images: number]>>;
  /** The names of the files of a split in each form in which the set is passed around. */
  forms(split: SourceSplit): readonly PickledFiles[];
  /** The published list of its classes, for forms that name them. */
  readonly list?: string;
}

const sixHundred = (train: number, val: number, test: number): PickledSet["counts"] => ({
  train: [train, 600 * train],
  val: [val, 600 * val],
  test: [test, 600 * test],
});

const sets: Readonly<Record<string, PickledSet>> = {
  mini_imagenet: {
    counts: sixHundred(64, 16, 20),
    list: "mini-imagenet",
    forms: (split) => [
      { images: `mini-imagenet-cache-${split}.pkl` },
      { images: `miniImageNet_category_split_${split === "train" ? "train_phase_train" : split}.pickle` },
    ],
  },
  tiered_imagenet: {
    counts: { train: [351, 448_695], val: [97, 124_261], test: [160, 206_209] },
    forms: (split) => [{ images: `${split}_images_png.pkl`, labels: `${split}_labels.pkl` }],
  },
  cifar_fs: { counts: sixHundred(64, 16, 20), forms: (split) => [{ images: `CIFAR_FS_${split}.pickle` }] },
  fc100: { counts: sixHundred(60, 20, 20), forms: (split) => [{ images: `FC100_${split}.pickle` }] },
};

export const pickled: Source = {
  description: {
    kind: "pickled",
    summary: "miniImageNet, tieredImageNet, CIFAR-FS or FC100 in pickles of Python",
    args: [
      { name: "root", type: "text", default: undefined, meaning: "the folder with the pickles of the three splits" },
      { name: "set", type: "choice", choices: Object.keys(sets), default: "mini_imagenet", meaning: "the data set" },
      partialArgument,
    ],
    channels: 3,
    square: true,
    obtain:
      "mini-imagenet-cache-{train,val,test}.pkl or miniImageNet_category_split_*.pickle; {train,val,test}_images_png.pkl and _labels.pkl (tieredImageNet); FC100_*.pickle; CIFAR_FS_*.pickle: from the repositories of MetaOptNet, DeepEMD and others",
    license: "ImageNet's terms, for research; none stated for CIFAR-100",
    download: "1.1 GB (miniImageNet), 13 GB (tieredImageNet), 150 MB (CIFAR-FS, FC100)",
    folder: "data/pickled",
    fetched: false,
  },
  facts(source, places) {
    const files = SetFiles.open(source, rootOf(source, places));
    const { splits, missing } = read(source, files, countPickledSplit);
    return factsOf(splits, files.root, missing);
  },
  roots: (source, places) => [rootOf(source, places)],
  async list(source, places) {
    return read(source, SetFiles.open(source, rootOf(source, places)), readPickledSplit).splits;
  },
};

/** Reads the splits of a set. @throws DiagnosticError FSL6002 if they are damaged, or not the published ones and not allowed to be a part. */
function read(
  source: DataSource,
  files: SetFiles,
  readSplit: (files: PickledFiles, name: string) => ListedClass[],
): {
  readonly splits: Partial<Record<SourceSplit, ListedClass[]>>;
  readonly missing: string | undefined;
} {
  const name = textArg(source, "set", "mini_imagenet");
  const set = Object.hasOwn(sets, name) ? sets[name] : undefined;
  if (set === undefined) throw badArg(source, "set", name, `one of ${Object.keys(sets).join(", ")} is needed`);
  const splits: Partial<Record<SourceSplit, ListedClass[]>> = {};
  const missing: string[] = [];
  for (const split of splitNames) {
    const forms = set.forms(split);
    const found = forms.find(({ images, labels = images }) => files.has(images) && files.has(labels));
    if (found === undefined) {
      missing.push(
        `there is no ${forms.map(({ images, labels }) => [images, labels].filter((file) => file !== undefined).join(" with ")).join(" and no ")}`,
      );
      continue;
    }
    const paths = {
      images: join(files.root, found.images),
      ...(found.labels === undefined ? {} : { labels: join(files.root, found.labels) }),
    };
    try {
      splits[split] = readSplit(paths, found.images);
    } catch (error) {
      const problem = `${found.images} cannot be read: ${reason(error)}`;
      throw layoutError(source, files.root, problem, { cause: error });
    }
    const difference = compare(split, splits[split] ?? [], set);
    if (difference !== undefined) missing.push(difference);
  }
  if (missing.length === 0) return { splits, missing: undefined };
  const clause = missing.join("; ");
  if (Object.keys(splits).length > 0 && boolArg(source, "partial", false)) return { splits, missing: clause };
  const help = [partialHelp];
  throw layoutError(source, files.root, clause, { help });
}

/** Returns a clause that says how a split differs from the published one, or undefined if it does not. */
function compare(
  split: SourceSplit,
  classes: readonly ListedClass[],
  { counts, list }: PickledSet,
): string | undefined {
  const [wantedClasses, wantedImages] = counts[split];
  const images = classes.reduce((sum, { images: its }) => sum + its.length, 0);
  if (classes.length !== wantedClasses || images !== wantedImages)
    return `\`${split}\` has ${plural(images, "image")} of ${plural(classes.length, "class", "classes")}, and ${wantedImages} of ${wantedClasses} were published`;
  // Some forms have numbers in the place of names.
  if (list === undefined || !classes.every(({ name }) => /^n\d{8}$/.test(name))) return undefined;
  const known = new Set(publishedClasses(list)[split]);
  const other = classes.map(({ name }) => name).filter((name) => !known.has(name));
  return other.length === 0 ? undefined : `\`${split}\` has other classes than the published split (${some(other, 3)})`;
}
