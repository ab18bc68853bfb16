/** The digests of a pack that the keys of stages contain. */
import type { DataDigests, Dataset } from "../../compiler/typed/tree.js";
import { sha256 } from "../system/sha256.js";
import type { Pack, PackedSplit } from "./contract.js";

/** Returns the digests of a pack and of each of its splits. */
export function digestsOf({ digest, splits }: Pack, dataset: Dataset): DataDigests {
  return {
    whole: digest,
    splits: Object.fromEntries(Object.values(splits).map((split) => [split.split, splitDigest(split, dataset)])),
  };
}

/** Returns the digest of everything that decides the images of a split. Other splits of the dataset do not change it. */
export function splitDigest({ digest }: PackedSplit, { unreadable, image }: Dataset): string {
  return sha256(JSON.stringify([digest, unreadable, image]));
}
