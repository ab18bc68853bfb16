/** Reads one split of a few-shot data set from the pickles in which it is passed around: the class of each image, and its place. */
import { byteArray, byteRange, type PickleBytes, type PickleValue, wholeNumbers } from "../../pickle.js";
import { withPickle } from "../../pickle-file.js";
import type { ImageRef, ListedClass } from "../source.js";

/** The files of a split, by their paths. */
export interface PickledFiles {
  readonly images: string;
  /** The file of the labels, if it is another one. */
  readonly labels?: string;
}

/**
 * Returns the classes of a split with their images, in the order of their labels. There are three forms: pixels with a label for each image,
 * pixels with the images of each class, and encoded images with labels in a file of their own.
 *
 * @throws Error with a clause about the file, and an error of the file system.
 */
export function readPickledSplit({ images, labels }: PickledFiles, name: string): ListedClass[] {
  if (labels !== undefined) return encoded(images, name, readLabels(labels, name));
  return withPickle(images, (value, bytes) => {
    const pixels = byteArray(field(value, "image_data") ?? field(value, "data"));
    const [count = 0, height = 0, width = 0, channels = 0] = pixels?.shape ?? [];
    if (pixels === undefined || pixels.shape.length !== 4 || channels !== 3)
      throw new Error("it has no array [image, row, column, 3] of bytes");
    const refs = Array.from({ length: count }, (_, i): ImageRef => {
      const offset = pixels.data.at + i * height * width * channels;
      return { name: `${name} ${i}`, file: images, raw: { offset, channels, height, width, interleaved: true } };
    });
    const places = field(value, "class_dict");
    return places instanceof Map ? byPlaces(places, refs, bytes) : byLabels(labelsOf(value, bytes, name), refs);
  });
}

/** Returns the classes of a split with labels in a file of their own. Only that file is read. */
export function countPickledSplit({ images, labels }: PickledFiles, name: string): ListedClass[] {
  if (labels === undefined) return readPickledSplit({ images }, name);
  const read = readLabels(labels, name);
  return byLabels(
    read,
    read.labels.map((_, i) => ({ name: `${name} ${i}`, file: images })),
  );
}

interface Labels {
  readonly labels: readonly number[];
  nameOf(label: number): string;
}

function readLabels(path: string, file: string): Labels {
  return withPickle(path, (value, bytes) => labelsOf(value, bytes, file));
}

function encoded(path: string, name: string, labels: Labels): ListedClass[] {
  return withPickle(path, (value) => {
    const items = Array.isArray(value) ? value.map(byteRange) : [];
    if (items.length !== labels.labels.length)
      throw new Error(`it has ${items.length} images, and ${labels.labels.length} labels`);
    const refs = items.map((range, i): ImageRef => {
      if (range === undefined) throw new Error(`its image ${i} is no string of bytes`);
      return { name: `${name} ${i}`, file: path, range: { offset: range.at, length: range.length } };
    });
    return byLabels(labels, refs);
  });
}

function field(value: PickleValue, key: string): PickleValue {
  return value instanceof Map ? value.get(key) : undefined;
}

/** Returns the labels of the images, and the names of the classes. If there are none, the name of the file stands in them, because each split counts from 0. */
function labelsOf(value: PickleValue, bytes: PickleBytes, file: string): Labels {
  const labels = wholeNumbers(field(value, "labels") ?? field(value, "label_specific"), bytes);
  if (labels === undefined) throw new Error("it has no list of labels");
  const names = new Map<number, string>();
  const byName = field(value, "catname2label");
  if (byName instanceof Map)
    for (const [name, label] of byName) if (typeof label === "number") names.set(label, String(name));
  const inOrder = field(value, "label_specific_str");
  if (Array.isArray(inOrder)) for (const [label, name] of inOrder.entries()) names.set(label, String(name));
  return { labels, nameOf: (label) => names.get(label) ?? `${file} class ${label}` };
}

function byLabels({ labels, nameOf }: Labels, refs: readonly ImageRef[]): ListedClass[] {
  if (labels.length !== refs.length) throw new Error(`it has ${refs.length} images, and ${labels.length} labels`);
  const classes = new Map<number, ImageRef[]>();
  for (const [i, label] of labels.entries()) {
    const found = classes.get(label);
    const ref = refs[i] as ImageRef;
    if (found === undefined) classes.set(label, [ref]);
    else found.push(ref);
  }
  return [...classes].sort(([a], [b]) => a - b).map(([label, images]) => ({ name: nameOf(label), images }));
}

function byPlaces(places: Map<PickleValue, PickleValue>, refs: readonly ImageRef[], bytes: PickleBytes): ListedClass[] {
  return [...places].map(([name, value]) => {
    const images = (wholeNumbers(value, bytes) ?? []).map((place) => refs[place]);
    if (typeof name !== "string" || images.length === 0 || !images.every((image) => image !== undefined))
      throw new Error("its `class_dict` does not name the images of each class");
    return { name, images };
  });
}
