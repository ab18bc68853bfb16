/** A folder of class folders: divided already (`train/`, `val/`, `test/`), by lists of names, or by fractions. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { DataSource, SplitName } from "../../../compiler/typed.js";
import { isImage, isZip, openTree } from "../tree.js";
import {
  badArg,
  factsOf,
  fractionArg,
  type ImageRef,
  type ListedClass,
  layoutError,
  type Places,
  placed,
  type Source,
  SPLITS,
  textArg,
} from "./source.js";

/**
 * The split of a class by its name alone: what a hash of it falls into, so that adding or removing other classes never
 * moves it.
 */
export function splitByName(name: string, val: number, test: number): SplitName {
  const place = createHash("sha256").update(name).digest().readUInt32BE(0) / 2 ** 32;
  return place < 1 - val - test ? "train" : place < 1 - test ? "val" : "test";
}

export const folder: Source = {
  description: {
    kind: "folder",
    summary: "a folder of class folders, or of train/, val/ and test/ with class folders in them",
    args: [
      { name: "root", type: "text", default: undefined, meaning: "the folder (or zip archive)" },
      {
        name: "lists",
        type: "text",
        default: "",
        meaning: "a folder of train.txt, val.txt, test.txt: one class name a line",
      },
      {
        name: "val",
        type: "real",
        default: 0.16,
        range: [0, 1],
        meaning: "without lists and split folders: the fraction of classes for validation",
      },
      {
        name: "test",
        type: "real",
        default: 0.2,
        range: [0, 1],
        meaning: "without lists and split folders: the fraction of classes for the test",
      },
    ],
    channels: 3,
    square: false,
    obtain: "your own images: root/<class>/<image>, or root/{train,val,test}/<class>/<image>",
    licence: "that of the images",
    fetched: false,
  },
  facts(source, places) {
    const root = placed(textArg(source, "root", undefined), places);
    if (isZip(root) || !existsSync(root) || !statSync(root).isDirectory()) return undefined;
    const top = folders(root);
    const lists = textArg(source, "lists", "");
    const divided =
      lists === "" ? SPLITS.filter((name) => top.includes(name) && folders(join(root, name)).length > 0) : [];
    const count = (path: string): number =>
      readdirSync(path, { recursive: true, encoding: "utf8" }).filter(
        (name) => isImage(name) && !/(^|[\\/])\./.test(name),
      ).length;
    // A folder without an image in it is no class: `list` never meets it.
    const sized = (inside: string, names: readonly string[]) =>
      names.map((name) => ({ name, images: count(join(inside, name)) })).filter(({ images }) => images > 0);
    if (divided.length > 0) {
      return factsOf(
        Object.fromEntries(divided.map((split) => [split, sized(join(root, split), folders(join(root, split)))])),
      );
    }
    const names = lists === "" ? undefined : readListsSync(placed(lists, places));
    if (lists !== "" && names === undefined) return undefined;
    const of = division(source, names);
    const splits: Partial<Record<SplitName, { name: string; images: number }[]>> = {};
    for (const one of sized(root, top)) {
      const split = of(one.name);
      if (split === undefined) continue;
      splits[split] ??= [];
      splits[split].push(one);
    }
    return factsOf(splits);
  },
  roots(source, places) {
    const root = placed(textArg(source, "root", undefined), places);
    const lists = textArg(source, "lists", "");
    return lists === "" ? [root] : [root, placed(lists, places)];
  },
  async list(source, places) {
    const root = placed(textArg(source, "root", undefined), places);
    const tree = await openTree(source, root);
    const images = tree.files.filter(isImage);
    const lists = await readLists(source, places);
    // A class may be called `train` (one of CIFAR-100's is): its images lie in it, those of a split in folders in it.
    const divided = lists === undefined && images.some((path) => /^(train|val|test)\/[^/]+\/./.test(path));
    const of = divided ? undefined : division(source, lists);
    const classes: Record<SplitName, Map<string, ImageRef[]>> = { train: new Map(), val: new Map(), test: new Map() };
    for (const path of images) {
      const parts = path.split("/");
      const split = divided
        ? SPLITS.find((name) => name === parts[0])
        : parts.length > 1
          ? of?.(parts[0] as string)
          : undefined;
      const name = divided ? parts[1] : parts[0];
      if (split === undefined || name === undefined || parts.length < (divided ? 3 : 2)) continue;
      const found = classes[split].get(name);
      if (found === undefined) classes[split].set(name, [tree.image(path)]);
      else found.push(tree.image(path));
    }
    const listing: Partial<Record<SplitName, ListedClass[]>> = {};
    for (const split of SPLITS) {
      if (classes[split].size > 0) listing[split] = [...classes[split]].map(([name, refs]) => ({ name, images: refs }));
    }
    if (Object.keys(listing).length === 0) throw layoutError(source, root, "no class folder with images is in it");
    return listing;
  },
};

type Lists = ReadonlyMap<string, SplitName>;

/** The split of each class name; undefined for a class that no list names. */
function division(source: DataSource, lists: Lists | undefined): (name: string) => SplitName | undefined {
  if (lists !== undefined) return (name) => lists.get(name);
  const val = fractionArg(source, "val", 0.16);
  const test = fractionArg(source, "test", 0.2);
  if (val + test >= 1) throw badArg(source, "val", val, `together with test: ${test} it leaves nothing for training`);
  return (name) => splitByName(name, val, test);
}

async function readLists(source: DataSource, places: Places): Promise<Lists | undefined> {
  const argument = textArg(source, "lists", "");
  if (argument === "") return undefined;
  const dir = placed(argument, places);
  const texts = new Map<SplitName, string>();
  for (const split of SPLITS) {
    const file = join(dir, `${split}.txt`);
    if (existsSync(file)) texts.set(split, await readFile(file, "utf8"));
  }
  if (texts.size === 0) throw badArg(source, "lists", argument, "there is no train.txt, val.txt or test.txt in it");
  return parseLists(texts);
}
function readListsSync(dir: string): Lists | undefined {
  const texts = new Map<SplitName, string>();
  for (const split of SPLITS) {
    const file = join(dir, `${split}.txt`);
    if (existsSync(file)) texts.set(split, readFileSync(file, "utf8"));
  }
  return texts.size === 0 ? undefined : parseLists(texts);
}
function parseLists(texts: ReadonlyMap<SplitName, string>): Lists {
  const lists = new Map<string, SplitName>();
  for (const [split, text] of texts) {
    for (const line of text.split(/\r?\n/)) {
      const name = line.trim();
      if (name === "") continue;
      const other = lists.get(name);
      if (other !== undefined && other !== split) {
        throw new DiagnosticError(diagnostic("FSL6007", undefined, { class: name, first: other, second: split }));
      }
      lists.set(name, split);
    }
  }
  return lists;
}

function folders(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith(".") && statSync(join(dir, entry.name)).isDirectory())
    .map((entry) => entry.name)
    .sort();
}
