/** Reads and writes lists of episodes in JSON, so that different implementations can run the same episodes. */

import { didYouMean } from "../../common/did-you-mean.js";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { GivenEpisodes, Unusable } from "../../compiler/typed/given-files.js";
import type { Task } from "../../compiler/typed/tree.js";
import { notJson, placeOf, pointerPath } from "../system/json-place.js";
import { schemaFault } from "../system/schema.js";
import { sha256 } from "../system/sha256.js";
import type { Episode, PackedSplit } from "./contract.js";

/** A list of episodes. `schemas/episodes.schema.json` describes its JSON. */
export interface EpisodeList {
  readonly format: 1;
  readonly way: number;
  readonly shot: number;
  readonly query: number;
  /** The episodes. Each is a list of its classes, in the order of its ways. */
  readonly episodes: readonly (readonly EpisodeClass[])[];
}
export interface EpisodeClass {
  readonly class: string;
  readonly support: readonly EpisodeImage[];
  readonly query: readonly EpisodeImage[];
}
/**
 * An image by its path in the pack, or by the end of that path if only one image of the class has it, or by its number within
 * the class.
 */
export type EpisodeImage = string | number;

/** Returns the list of these episodes. Images are named by path if the paths of their class are distinct, otherwise by number. */
export function toEpisodeList(split: PackedSplit, task: Task, episodes: readonly Episode[]): EpisodeList {
  const named = new Map<number, readonly EpisodeImage[]>();
  const imagesOf = (c: number): readonly EpisodeImage[] => {
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
      Array.from(classes, (c, w): EpisodeClass => {
        const first = split.offsets[c] ?? 0;
        const name = (image: number): EpisodeImage => imagesOf(c)[image - first] ?? image - first;
        return {
          class: split.classes[c] ?? "",
          support: Array.from(support.subarray(w * task.shot, (w + 1) * task.shot), name),
          query: Array.from(query.subarray(w * task.query, (w + 1) * task.query), name),
        };
      }),
    ),
  };
}

/** Returns the JSON text of a list, with one class of an episode on each line. */
export function formatEpisodeList({ way, shot, query, episodes }: EpisodeList): string {
  const texts = episodes.map(
    (classes) => `  [\n${classes.map((one) => `    ${JSON.stringify(one)}`).join(",\n")}\n  ]`,
  );
  return `{\n"format": 1, "way": ${way}, "shot": ${shot}, "query": ${query},\n"episodes": [\n${texts.join(",\n")}\n]\n}\n`;
}

type Path = readonly (string | number)[];

/** Parses a list of episodes without the data. Returns the list with its task and digest, or what is wrong and where. */
export function parseEpisodeList(text: string): (GivenEpisodes & { readonly list: EpisodeList }) | Unusable {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: notJson(text, error), place: undefined };
  }
  // The place of a fault is shown with the text around it, which must not be that of any other file.
  if (!isList(value))
    return { problem: 'it is no list of episodes (`{ "format": 1, …, "episodes": […] }`)', place: undefined };
  const wrong = (path: Path, problem: string) => ({ problem, place: placeOf(text, path) });
  const fault = schemaFault("episodes", value);
  if (fault !== undefined) return wrong(pointerPath(fault.pointer), fault.why);
  const list = value as EpisodeList;
  const { way, shot, query } = list;
  for (const [e, classes] of list.episodes.entries()) {
    const at: Path = ["episodes", e];
    if (classes.length !== way)
      return wrong(at, `this episode has ${classes.length} classes, and the list says ${way}`);
    for (const [w, one] of classes.entries()) {
      if (classes.findIndex((other) => other.class === one.class) < w) {
        return wrong([...at, w, "class"], "the episode has this class twice");
      }
      for (const [part, count] of [
        ["support", shot],
        ["query", query],
      ] as const) {
        const images = one[part].length;
        if (images !== count)
          return wrong(
            [...at, w, part],
            `${images} ${images === 1 ? "image is" : "images are"} here, and the list says ${count}`,
          );
      }
    }
  }
  // The digest covers the list and not its text, so it does not depend on the layout.
  const episodes = list.episodes.map((e) => e.map((c) => [c.class, c.support, c.query]));
  const digest = sha256(JSON.stringify([way, shot, query, episodes]));
  return { task: { way, shot, query }, episodes: list.episodes.length, digest, list };
}

const fields: ReadonlySet<string> = new Set([
  "format",
  "way",
  "shot",
  "query",
  "episodes",
] satisfies (keyof EpisodeList)[]);

/** Returns true if a value was meant to be a list of episodes: it has episodes, or a part of what a list has and nothing else. */
function isList(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const names = Object.keys(value);
  const { episodes } = value as Partial<Record<keyof EpisodeList, unknown>>;
  return Array.isArray(episodes) || (names.length > 0 && names.every((name) => fields.has(name)));
}

/**
 * The episodes of a list by the images of a split. @throws DiagnosticError FSL6050 for the first class or image that the
 * split does not have, and for an image that an episode has twice.
 */
export function resolveEpisodes(text: string, list: EpisodeList, split: PackedSplit, path: string): Episode[] {
  const classOf = new Map(split.classes.map((name, c) => [name, c]));
  const refuse = (at: Path, why: string, help: readonly string[] = []): never => {
    const span = { file: path, ...placeOf(text, at) };
    throw new DiagnosticError(diagnostic("FSL6050", span, { path, why }, { help }));
  };
  const found = new Map<number, ReadonlyMap<string, number | undefined>>();
  const endings = (c: number): ReadonlyMap<string, number | undefined> => {
    const known = found.get(c) ?? endingsOf(split, c);
    found.set(c, known);
    return known;
  };
  const imageOf = (image: EpisodeImage, c: number, at: Path): number => {
    const first = split.offsets[c] ?? 0;
    const size = (split.offsets[c + 1] ?? first) - first;
    const name = split.classes[c] ?? "";
    if (typeof image === "number") {
      return image < size ? first + image : refuse(at, `the class \`${name}\` has ${size} images, counted from 0`);
    }
    const paths = endings(c);
    const one = paths.get(image);
    if (one !== undefined) return one;
    if (paths.has(image))
      return refuse(at, `several images of \`${name}\` are called so; say more of the path, or the number`);
    const other = split.classes.findIndex((_, o) => o !== c && endings(o).has(image));
    if (other >= 0) return refuse(at, `this image is one of \`${split.classes[other]}\`, not of \`${name}\``);
    const near = didYouMean(image, paths.keys());
    return refuse(at, `no image of \`${name}\` is called so`, near === undefined ? [] : [`did you mean \`${near}\`?`]);
  };
  return list.episodes.map((classes, e) => {
    const seen = new Map<number, "support" | "query">();
    const labels = classes.map((one, w) => {
      const c = classOf.get(one.class);
      if (c !== undefined) return c;
      const near = didYouMean(one.class, split.classes);
      const help = near === undefined ? [] : [`did you mean \`${near}\`?`];
      return refuse(["episodes", e, w, "class"], `the ${split.split} split has no such class`, help);
    });
    const take = (part: "support" | "query"): Int32Array =>
      Int32Array.from(
        classes.flatMap((one, w) =>
          one[part].map((image, i) => {
            const at: Path = ["episodes", e, w, part, i];
            const index = imageOf(image, labels[w] ?? 0, at);
            const before = seen.get(index);
            if (before === "support" && part === "query") refuse(at, "this query is among the supports of its episode");
            if (before !== undefined) refuse(at, "the episode has this image twice");
            seen.set(index, part);
            return index;
          }),
        ),
      );
    const support = take("support");
    return { classes: Int32Array.from(labels), support, query: take("query") };
  });
}

/** Returns the image for each path of a class and each end of a path after a slash, or undefined if two images share it. */
function endingsOf(split: PackedSplit, c: number): ReadonlyMap<string, number | undefined> {
  const endings = new Map<string, number | undefined>();
  for (let image = split.offsets[c] ?? 0; image < (split.offsets[c + 1] ?? 0); image++) {
    const parts = split.sourceOf(image).split("/");
    for (let from = 0; from < parts.length; from++) {
      const end = parts.slice(from).join("/");
      endings.set(end, endings.has(end) ? undefined : image);
    }
  }
  return endings;
}
