/** Splits made of others: images that are held out of training, and two splits as one. */
import type { BaseSplit, DatasetFacts, SplitFacts, SplitName } from "./tree.js";

/** The order of the splits in a pack. Two neighbors can be used as one split. */
export const splitOrder: readonly BaseSplit[] = ["train", "val", "seen", "test"];

/** Returns the splits that a name stands for. */
export function partsOf(split: SplitName): readonly BaseSplit[] {
  const names = split.split("+");
  return splitOrder.filter((name) => names.includes(name));
}

/** Returns the splits among `has` that stand side by side, as the name of their union. `train` and `seen` have the same classes, so they have none. */
export function unionsOf(has: readonly BaseSplit[]): readonly (readonly [SplitName, BaseSplit, BaseSplit])[] {
  const present = splitOrder.filter((name) => has.includes(name));
  return present.slice(1).flatMap((second, i) => {
    const first = present[i] as BaseSplit;
    return first === "train" && second === "seen" ? [] : [[`${first}+${second}`, first, second] as const];
  });
}

/** Returns how many of the images of a class are held out: at least one, and never all. */
export function heldOut(images: number, share: number): number {
  return images < 2 ? 0 : Math.min(images - 1, Math.max(1, Math.round(share * images)));
}

/** Returns the facts with `seen`, whose images leave `train`. It is unknown if the sizes of the classes are. */
export function withHeldOut({ splits, ...rest }: DatasetFacts, share: number): DatasetFacts {
  const { train } = splits;
  if (train === undefined) return { ...rest, splits };
  const sizes = train.sizes ?? equalSizes(train);
  if (sizes === undefined) {
    const { train: _, ...others } = splits;
    return { ...rest, splits: others };
  }
  const part = (of: (images: number) => number): SplitFacts =>
    factsOf(Object.fromEntries(Object.entries(sizes).map(([name, images]) => [name, of(images)])), train);
  const seen = part((images) => heldOut(images, share));
  return { ...rest, splits: { ...splits, train: part((images) => images - heldOut(images, share)), seen } };
}

/** Returns the facts with those of the unions of neighbors. */
export function withUnions({ splits, ...rest }: DatasetFacts): DatasetFacts {
  const unions = unionsOf(splitOrder.filter((name) => splits[name] !== undefined)).flatMap(([name, first, second]) => {
    const [a, b] = [splits[first], splits[second]];
    return a === undefined || b === undefined ? [] : [[name, joined(a, b)] as const];
  });
  return { ...rest, splits: { ...splits, ...Object.fromEntries(unions) } };
}

function joined(a: SplitFacts, b: SplitFacts): SplitFacts {
  const sizes = a.sizes === undefined || b.sizes === undefined ? {} : { sizes: { ...a.sizes, ...b.sizes } };
  const largest = [largestClass(a), largestClass(b)];
  return {
    classes: a.classes + b.classes,
    images: a.images + b.images,
    smallest: a.smallest.images <= b.smallest.images ? a.smallest : b.smallest,
    ...(largest.includes(undefined) ? {} : { largest: Math.max(...largest.map((each) => each ?? 0)) }),
    ...sizes,
  };
}

/** Returns the number of images of the largest class, or undefined if it is not known. */
export function largestClass({ classes, images, smallest, sizes, largest }: SplitFacts): number | undefined {
  if (largest !== undefined) return largest;
  if (sizes !== undefined) return Math.max(...Object.values(sizes));
  return classes * smallest.images === images ? smallest.images : undefined;
}

/** Returns sizes of classes without names if all classes are equal. */
function equalSizes({ classes, images, smallest }: SplitFacts): Readonly<Record<string, number>> | undefined {
  if (classes * smallest.images !== images) return undefined;
  return Object.fromEntries(Array.from({ length: classes }, (_, c) => [`${c}`, smallest.images]));
}

function factsOf(sizes: Readonly<Record<string, number>>, of: SplitFacts): SplitFacts {
  const images = Object.values(sizes);
  const least = Math.min(...images);
  const name = Object.keys(sizes).find((each) => sizes[each] === least) ?? "";
  const facts = {
    classes: images.length,
    images: images.reduce((sum, each) => sum + each, 0),
    smallest: of.sizes === undefined ? { ...of.smallest, images: least } : { name, images: least },
  };
  return of.sizes === undefined ? facts : { ...facts, sizes };
}
