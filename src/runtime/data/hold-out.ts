/** Keeps a share of the images of each training class from training. */
import { heldOut } from "../../compiler/typed/splits.js";
import { sha256 } from "../system/sha256.js";
import type { ListedClass, Listing } from "./sources/source.js";

/**
 * Returns the listing with the split `seen`: a share of the images of each training class, which leave `train`. Which images these
 * are follows from their names alone, so others may come or go without a change of theirs.
 */
export function holdOut(listing: Listing, share: number | undefined): Listing {
  const { train } = listing;
  if (share === undefined || train === undefined) return listing;
  const parts = train.map(({ name, images }) => {
    const place = (image: (typeof images)[number]): string =>
      sha256(`held out: ${image.name} ${image.quarterTurns ?? 0}`);
    const byPlace = [...images].sort((a, b) => (place(a) < place(b) ? -1 : 1));
    const out = new Set(byPlace.slice(0, heldOut(images.length, share)));
    const part = (isOut: boolean): ListedClass => ({
      name,
      images: images.filter((image) => out.has(image) === isOut),
    });
    return { kept: part(false), seen: part(true) };
  });
  return { ...listing, train: parts.map(({ kept }) => kept), seen: parts.map(({ seen }) => seen) };
}
