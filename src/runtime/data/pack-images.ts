/** Packs images that a command names, in the way in which a dataset prepares its own images for an evaluation. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Dataset, SplitName } from "../../compiler/typed/tree.js";
import { sha256 } from "../system/sha256.js";
import type { IngestOptions, Pack } from "./contract.js";
import { recipeOf } from "./ingest.js";
import { openPack } from "./pack.js";
import type { ListedClass } from "./sources/source.js";
import { writing } from "./write-error.js";

/** Images that are ready, and those that cannot be read, each with the reason, by name. */
export interface PackedImages {
  readonly pack: Pack;
  readonly unreadable: ReadonlyMap<string, string>;
}

/**
 * Decodes the images of some classes and writes them to a new folder in `parent`, as the only split of a pack. Every image gets the
 * evaluation's chain of the dataset, and those that cannot be read are left out.
 *
 * @throws DiagnosticError FSL6009 for an image that is too small, FSL6010 for a wrong size, FSL6031 if the pack cannot be written.
 */
export async function packImages(
  { dataset, split, classes }: { dataset: Dataset; split: SplitName; classes: readonly ListedClass[] },
  parent: string,
  options: Omit<IngestOptions, "cacheDir">,
): Promise<PackedImages> {
  // Sharp takes long to load, and only commands that decode images need it.
  const { writePack } = await import("./write-pack.js");
  const plain: Dataset = { ...dataset, train: dataset.eval, unreadable: "skip" };
  // A pack carries its name. This one is read once, so its name says nothing about its images.
  const digest = sha256(parent);
  const dir = join(parent, digest.slice(0, 32));
  await writing(dir, mkdir(dir, { recursive: true }));
  const packing = writePack(dir, {
    dataset: plain,
    listing: { [split]: classes },
    recipe: recipeOf(plain),
    digest,
    splitDigests: { [split]: digest },
    imageDigests: { [split]: digest },
    options: { ...options, cacheDir: parent },
  });
  const unreadable = await writing(dir, packing);
  return { pack: await openPack(dir), unreadable };
}
