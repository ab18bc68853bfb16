/**
 * Makes a source of a published data set. Each set has a file of its own here that says how its lists are read. What all of them share
 * is here: the counts are compared with the published ones, and the classes are divided.
 */
import type { DataSource, DatasetFacts } from "../../../../compiler/typed/tree.js";
import type { Box } from "../../box.js";
import { describeTree, plural, some } from "../overview.js";
import {
  type ArgDescription,
  boolArg,
  type DataFolders,
  type ImageRef,
  type ListedClass,
  type Listing,
  layoutError,
  rootOf,
  type Source,
  type SourceDescription,
  splitNames,
} from "../source.js";
import { type Division, type Divisions, divisionOf, type SetClass, splitArgument } from "./divisions.js";
import { factsOf, partialArgument, partialHelp } from "./partial.js";
import { SetFiles } from "./set-files.js";

export interface SetImage {
  /** The name of its class. */
  readonly label: string;
  /** Its path inside the root. */
  readonly path: string;
  readonly box?: Box;
}
export interface SetContent {
  readonly classes: readonly SetClass[];
  readonly images: readonly SetImage[];
}

export interface PublishedSet {
  readonly description: Omit<SourceDescription, "args" | "channels" | "square" | "fetched">;
  /** The meaning of the root. */
  readonly root: string;
  readonly divisions: Divisions;
  readonly args?: readonly ArgDescription[];
  /** Returns the published numbers of classes and images. */
  counts(source: DataSource): { readonly classes: number; readonly images: number };
  /**
   * Reads the lists of the set. Boxes that stand in a file for each image are read only if they are asked for.
   *
   * @throws DiagnosticError FSL6002 or FSL6004 if a list is missing or damaged.
   */
  read(files: SetFiles, boxes: boolean): SetContent;
}

export function publishedSource(set: PublishedSet): Source {
  const args: readonly ArgDescription[] = [
    { name: "root", type: "text", default: undefined, meaning: set.root },
    ...(set.args ?? []),
    splitArgument(set.divisions),
    partialArgument,
  ];
  return {
    description: { ...set.description, args, channels: 3, square: false, fetched: false },
    facts: (source, places) => look(set, source, places),
    roots: (source, places) => [rootOf(source, places)],
    async list(source, places) {
      return divide(set, source, SetFiles.open(source, rootOf(source, places)), true).listing;
    },
  };
}

function look(set: PublishedSet, source: DataSource, places: DataFolders): DatasetFacts {
  const files = SetFiles.open(source, rootOf(source, places));
  const { listing, missing } = divide(set, source, files, false);
  return { ...factsOf(listing, files.root, missing), seen: describeTree(files.tree) };
}

interface Divided {
  readonly listing: Listing;
  /** A clause that says what is missing of the published set. Undefined if it is complete. */
  readonly missing: string | undefined;
}

/** Reads a set and divides its classes. @throws DiagnosticError FSL6002 if it is not the published one and may not be partial. */
function divide(set: PublishedSet, source: DataSource, files: SetFiles, boxes: boolean): Divided {
  const { classes, images } = set.read(files, boxes);
  const found = images.filter(({ path }) => files.has(path));
  const division = divisionOf(source, set.divisions);
  const missing = difference(set.counts(source), { classes, images, found }, division);
  const help = [partialHelp, ...describeTree(files.tree)];
  if (found.length === 0)
    throw layoutError(source, files.root, "none of its images are there", { help: describeTree(files.tree) });
  if (missing !== undefined && !boolArg(source, "partial", false))
    throw layoutError(source, files.root, missing, { help });
  const byLabel = new Map(classes.map(({ name }) => [name, [] as ImageRef[]]));
  for (const { label, path, box } of found)
    byLabel.get(label)?.push({ ...files.tree.image(path), ...(box === undefined ? {} : { box }) });
  const divided = classes.map((one, place) => {
    return { split: division.split(one, place), name: one.name, images: byLabel.get(one.name) ?? [] };
  });
  const listing = Object.fromEntries(
    splitNames.map((split) => [
      split,
      divided
        .filter((one) => one.split === split && one.images.length > 0)
        .map(({ name, images }): ListedClass => ({ name, images })),
    ]),
  );
  return { listing, missing };
}

/** Returns a clause that says how the data differ from the published set, or undefined if they do not. */
function difference(
  published: { readonly classes: number; readonly images: number },
  { classes, images, found }: SetContent & { readonly found: readonly SetImage[] },
  { names }: Division,
): string | undefined {
  const parts: string[] = [];
  if (found.length !== published.images)
    parts.push(`${found.length} of its ${plural(published.images, "image")} are there`);
  if (classes.length !== published.classes)
    parts.push(`it has ${classes.length} classes, and ${published.classes} were published`);
  const withImages = new Set(found.map(({ label }) => label));
  const empty = classes.filter(({ name }) => !withImages.has(name)).map(({ name }) => name);
  if (empty.length > 0) parts.push(`${plural(empty.length, "class has", "classes have")} no image (${some(empty, 3)})`);
  const known = new Set(classes.map(({ name }) => name));
  const stray = found.filter(({ label }) => !known.has(label)).length;
  if (stray > 0) parts.push(`${plural(stray, "image")} of its lists have no class`);
  const unknown = names === undefined ? [] : names().filter((name) => !known.has(name));
  if (unknown.length > 0)
    parts.push(
      `the published split names ${plural(unknown.length, "class", "classes")} that it lacks (${some(unknown, 3)})`,
    );
  const present = new Set(found);
  const first = images.find((image) => !present.has(image));
  if (first !== undefined) parts.push(`the first missing image is ${first.path}`);
  return parts.length === 0 ? undefined : parts.join("; ");
}
