/** Looks for images that make a result doubtful: equal images in several places, and images without content. */

import { printable } from "../../common/printable.js";
import { type Diagnostic, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { Dataset, SplitName } from "../../compiler/typed/tree.js";

/** The findings about the images of a pack. They are stored with the pack, so that every run can repeat them. */
export interface PackFindings {
  /** The images whose bytes occurred before, by how much the two places have in common. */
  readonly duplicates: Readonly<Record<DuplicateKind, { readonly count: number; readonly first: readonly Twins[] }>>;
  /** The images of which all pixels, or nearly all, have one value. */
  readonly flat: { readonly count: number; readonly total: number; readonly first: readonly string[] };
  /** The splits whose images are all equal after decoding. */
  readonly equal: readonly { readonly split: SplitName; readonly images: number }[];
}
export type DuplicateKind = "splits" | "classes" | "class";
/** Two images with the same bytes. */
type Twins = readonly [string, string];

/** An image as the search sees it. */
export interface FoundImage {
  readonly name: string;
  readonly split: SplitName;
  readonly class: number;
  /** A digest of the encoded bytes, and of the turn. */
  readonly content: string;
  /** True if all pixels of the image, or nearly all, have one value. */
  readonly flat: boolean;
  /** A checksum of the decoded pixels. */
  readonly pixels: number;
}

/** The number of names that are kept of each kind. */
const kept = 3;

/** Searches the images of a pack, in the order of its rows. */
export function findDoubtful(images: readonly FoundImage[]): PackFindings {
  const seen = new Map<string, FoundImage>();
  const duplicates = { splits: noTwins(), classes: noTwins(), class: noTwins() };
  const flat: string[] = [];
  const splits = new Map<SplitName, { images: number; pixels: number; equal: boolean }>();
  for (const image of images) {
    const before = seen.get(image.content);
    if (before === undefined) seen.set(image.content, image);
    else {
      const kind = before.split !== image.split ? "splits" : before.class !== image.class ? "classes" : "class";
      duplicates[kind].count++;
      if (duplicates[kind].first.length < kept) duplicates[kind].first.push([before.name, image.name]);
    }
    if (image.flat) flat.push(image.name);
    const split = splits.get(image.split);
    if (split === undefined) splits.set(image.split, { images: 1, pixels: image.pixels, equal: true });
    else {
      split.images++;
      split.equal &&= split.pixels === image.pixels;
    }
  }
  return {
    duplicates,
    flat: { count: flat.length, total: images.length, first: flat.slice(0, kept) },
    equal: [...splits].flatMap(([split, { images: count, equal }]) =>
      equal && count > 1 ? [{ split, images: count }] : [],
    ),
  };
}

function noTwins(): { count: number; first: Twins[] } {
  return { count: 0, first: [] };
}

const places: Readonly<Record<DuplicateKind, string>> = {
  splits: "in different splits",
  classes: "in different classes of one split",
  class: "in one class",
};

/** Returns the findings about a dataset as warnings, the gravest first. */
export function describeFindings(findings: PackFindings, { name: dataset, span }: Dataset): Diagnostic[] {
  const { duplicates, flat, equal } = findings;
  const warnings = equal.map(({ split, images }) => diagnostic("FSL6042", span, { dataset, split, images }));
  for (const kind of ["splits", "classes", "class"] as const) {
    const { count, first } = duplicates[kind];
    // A name may have line breaks, and a message has lines of its own.
    const [[one, other] = ["", ""], ...more] = first.map(([a, b]) => [printable(a), printable(b)] as const);
    if (count === 0) continue;
    const also = more.map(([a, b]) => `${a} and ${b}`);
    const help = also.length === 0 ? {} : { help: [`also the same: ${also.join("; ")}${count > kept ? "; …" : ""}`] };
    warnings.push(
      diagnostic(
        "FSL6040",
        span,
        { dataset, copies: count === 1 ? "1 copy" : `${count} copies`, place: places[kind], first: one, second: other },
        help,
      ),
    );
  }
  if (flat.count > 0) {
    const first = flat.first.map(printable).join(", ") + (flat.count > kept ? ", …" : "");
    warnings.push(diagnostic("FSL6041", span, { dataset, count: flat.count, total: flat.total, first }));
  }
  return warnings;
}
