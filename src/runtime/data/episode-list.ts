/** Episodes as a list in a JSON file: what one implementation writes and another can run. */
import type { Task } from "../../compiler/typed.js";
import type { Episode, PackedSplit } from "./contract.js";

/** `schemas/episodes.schema.json`. */
export interface EpisodeList {
  readonly format: 1;
  readonly way: number;
  readonly shot: number;
  readonly query: number;
  /** An episode is its classes, in the order of its ways. */
  readonly episodes: readonly (readonly ListedClass[])[];
}
export interface ListedClass {
  readonly class: string;
  readonly support: readonly ListedImage[];
  readonly query: readonly ListedImage[];
}
/** The path that the pack has for it (or its end, where one image of the class has it), or its number within the class. */
export type ListedImage = string | number;

/** The list of these episodes: images by path where that is theirs alone in their class, else by number. */
export function listEpisodes(split: PackedSplit, task: Task, episodes: readonly Episode[]): EpisodeList {
  const named = new Map<number, readonly ListedImage[]>();
  const imagesOf = (c: number): readonly ListedImage[] => {
    let images = named.get(c);
    if (images === undefined) {
      const first = split.offsets[c] ?? 0;
      const paths = Array.from({ length: (split.offsets[c + 1] ?? first) - first }, (_, i) =>
        split.sourceOf(first + i),
      );
      images = new Set(paths).size === paths.length ? paths : paths.map((_, i) => i);
      named.set(c, images);
    }
    return images;
  };
  return {
    format: 1,
    way: task.way,
    shot: task.shot,
    query: task.query,
    episodes: episodes.map(({ classes, support, query }) =>
      Array.from(classes, (c, w): ListedClass => {
        const first = split.offsets[c] ?? 0;
        const name = (image: number): ListedImage => imagesOf(c)[image - first] ?? image - first;
        return {
          class: split.classes[c] ?? "",
          support: Array.from(support.subarray(w * task.shot, (w + 1) * task.shot), name),
          query: Array.from(query.subarray(w * task.query, (w + 1) * task.query), name),
        };
      }),
    ),
  };
}
