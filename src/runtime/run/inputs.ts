/** Records everything that decides a run: its parameters, options and files. The folder of the run has a copy of each file of the experiment. */
import type { Experiment, SourceText, Stage } from "../../compiler/typed/tree.js";
import type { RunInputs } from "../events/events.js";
import { sha256 } from "../system/sha256.js";
import type { RunFolder } from "./run-folder.js";
import { sharedParams } from "./sweep.js";

/** The folder, in the folder of a run, with the copies of the experiment and its imports. */
const sourceFolder = "source";
const library = "fsl:";

/**
 * Returns the inputs of a run of one experiment or of several variants of one. Values that nobody gave are left out, because the defaults
 * are in the experiment and in fslc's version.
 */
export function describeInputs(experiments: readonly Experiment[], options: RunInputs["asked"]): RunInputs {
  const { engine, device, precision, threads, jobs, stages, force = [], exact = false } = options;
  return {
    params: sharedParams(experiments).map(({ name, value, unit, origin }) => ({
      name,
      value,
      ...(unit === undefined ? {} : { unit }),
      origin,
    })),
    asked: {
      ...(engine === undefined ? {} : { engine }),
      ...(device === undefined ? {} : { device }),
      ...(precision === undefined ? {} : { precision }),
      ...(threads === undefined ? {} : { threads }),
      ...(jobs === undefined ? {} : { jobs }),
      ...(stages === undefined ? {} : { stages }),
      ...(force.length === 0 ? {} : { force }),
      ...(exact ? { exact } : {}),
    },
    sources: sourcesOf(experiments).map(({ id, text }) => ({
      id,
      sha256: sha256(text),
      ...(id.startsWith(library) ? {} : { copy: copyOf(id) }),
    })),
    files: namedFiles(experiments.flatMap(({ stages }) => stages)),
    system: { node: process.version, platform: process.platform, arch: process.arch },
  };
}

/** Writes the copies of the experiment and its imports. Files of the library are part of fslc, so their digests are enough. */
export function writeSources(folder: RunFolder, experiments: readonly Experiment[]): void {
  for (const { id, text } of sourcesOf(experiments)) if (!id.startsWith(library)) folder.write(copyOf(id), text);
}

/** Returns the texts of all experiments, each file once. */
function sourcesOf(experiments: readonly Experiment[]): readonly SourceText[] {
  const texts = experiments.flatMap(({ sources = [] }) => sources);
  return [...new Map(texts.map((source) => [source.id, source])).values()];
}

/** Returns the path of a copy in the folder of the run. A file outside of the project has no path in it, so its dots are replaced. */
function copyOf(id: string): string {
  const parts = id.split("/").map((part) => (part === ".." ? "outside" : part.replace(/^[A-Za-z]:$/, "outside")));
  return [sourceFolder, ...parts.filter((part) => part !== "")].join("/");
}

/** Returns the weights and lists of episodes that the lines of stages name, each file once. */
function namedFiles(stages: readonly Stage[]): RunInputs["files"] {
  const found = new Map<string, string>();
  const add = (file: { readonly path: string; readonly digest: string } | undefined): void => {
    if (file !== undefined) found.set(file.path, file.digest);
  };
  for (const stage of stages) {
    add(stage.encoder.file);
    if (stage.kind === "pretrain") add(stage.head.file);
    else add(stage.metric.file);
    if (stage.kind === "meta") add(stage.episodes.given?.list);
    if (stage.kind === "evaluate") for (const { given } of stage.rows) add(given);
  }
  return [...found].map(([path, digest]) => ({ path, digest }));
}
