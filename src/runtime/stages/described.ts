/** Descriptions of classes for the programs of stages: rows of descriptions, and which classes training has seen. */
import { type DescribedAxis, describedFeed, describedForm } from "../../compiler/lower/index.js";
import type { Dataset, EntryParam } from "../../compiler/typed/tree.js";
import type { Episode, Pack, PackedSplit } from "../data/contract.js";
import { loadDescription } from "../data/index.js";
import { projectPaths } from "../system/project.js";
import type { JobContext } from "./context.js";
import { type Feeds, feedData } from "./feeds.js";

/** The rows of all classes of a split, by the form of the parameters that take them. */
export type DescribedClasses = ReadonlyMap<string, DescribedRows>;

interface DescribedRows {
  /** The count of numbers of a class. */
  readonly width: number;
  /** The rows of the classes, in the order of the split. */
  readonly rows: Float32Array;
}

/** The split whose classes are described. */
export interface DescribedSplit {
  readonly dataset: Dataset;
  readonly pack: Pack;
  readonly split: PackedSplit;
}

/**
 * Loads what these parameters take of the classes of a split.
 *
 * @throws DiagnosticError FSL6052 if a class has no row or the table has changed, FSL6020 or FSL6021 if it cannot be fetched.
 */
export async function loadDescribed(
  params: readonly EntryParam[],
  { dataset, pack, split }: DescribedSplit,
  { job, emit }: JobContext,
): Promise<DescribedClasses> {
  const training = pack.splits.train?.classes ?? [];
  const loaded = new Map<string, DescribedRows>();
  for (const { form, description } of params) {
    if (description === undefined || loaded.has(form)) continue;
    const asked = dataset.descriptions?.find(({ name }) => name === form);
    if (asked === undefined) {
      const known = new Set(training);
      loaded.set(form, { width: 1, rows: Float32Array.from(split.classes, (name) => Number(known.has(name))) });
      continue;
    }
    const options = {
      cacheDir: projectPaths.data(job.project),
      projectDir: job.project.dir,
      signal: new AbortController().signal,
      onProgress: (report: Parameters<Parameters<typeof loadDescription>[3]["onProgress"]>[0]) =>
        emit({ type: "stage.progress", ...report }),
    };
    const rows = await loadDescription(dataset, asked, { split, training }, options);
    loaded.set(form, { width: asked.size, rows });
  }
  return loaded;
}

/** Fills the feeds about the ways of episodes: those from `start` on come first. */
export function fillWays(feeds: Feeds, described: DescribedClasses, episodes: readonly Episode[]): void {
  for (const feed of Object.keys(feeds)) {
    const form = describedForm("way", feed);
    if (form === undefined) continue;
    const { width, rows } = rowsOf(described, "way", form);
    const data = feedData(feeds, feed, Float32Array);
    let at = 0;
    for (const { classes } of episodes)
      for (const label of classes) {
        data.set(rows.subarray(label * width, (label + 1) * width), at);
        at += width;
      }
  }
}

/** Fills the feeds about all classes of a split. */
export function fillClasses(feeds: Feeds, described: DescribedClasses): void {
  for (const feed of Object.keys(feeds)) {
    const form = describedForm("class", feed);
    if (form !== undefined) feedData(feeds, feed, Float32Array).set(rowsOf(described, "class", form).rows);
  }
}

function rowsOf(described: DescribedClasses, axis: DescribedAxis, form: string): DescribedRows {
  const found = described.get(form);
  if (found === undefined) throw new Error(`nothing can feed ${describedFeed(axis, form)}`);
  return found;
}
