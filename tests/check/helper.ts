/** Compiles texts that lie in memory, with the library from `specs/` and the facts of the official data sets. */
import { readdirSync, readFileSync } from "node:fs";
import { type Compilation, type CompilerHost, compile } from "../../src/compiler/compile.js";
import type { DataSource, DatasetFacts, Experiment, Stage } from "../../src/compiler/typed/tree.js";
import { parseDescription } from "../../src/runtime/data/descriptions/parse.js";
import { parseEpisodeList } from "../../src/runtime/data/episode-list.js";
import { describeSources } from "../../src/runtime/data/sources/index.js";

const specs = new URL("../../specs/", import.meta.url);
const emojiSplit = (classes: number, name: string) => ({ classes, images: 8 * classes, smallest: { name, images: 8 } });
const birdSplit = (classes: number) => ({
  classes,
  images: 60 * classes,
  smallest: { name: "Anna_Hummingbird", images: 41 },
});

/** A small stand-in for what the runtime knows: emoji always, CUB by its constants, nothing of folders. */
export function facts({ kind, args }: DataSource): DatasetFacts | undefined {
  if (kind === "emoji") {
    return {
      splits: {
        train: emojiSplit(566, "admission-tickets"),
        val: emojiSplit(134, "airplane"),
        test: emojiSplit(178, "ant"),
      },
    };
  }
  if (kind === "cub") return { splits: { train: birdSplit(100), val: birdSplit(50), test: birdSplit(50) } };
  if (kind === "omniglot") {
    const glyphs = (classes: number) => ({
      classes,
      images: 20 * classes,
      smallest: { name: "Angelic/character01", images: 20 },
    });
    if (args["split"] === "background") return { splits: { train: glyphs(3856), test: glyphs(2636) } };
    return { splits: { train: glyphs(4112), val: glyphs(688), test: glyphs(1692) } };
  }
  return undefined;
}

export function hostOf(files: Readonly<Record<string, string>>): CompilerHost {
  return {
    readFile(id) {
      if (!id.startsWith("fsl:")) return files[id];
      try {
        return readFileSync(new URL(`${id.slice(4)}.fsl`, specs), "utf8");
      } catch {
        return undefined;
      }
    },
    resolveImport(from, specifier) {
      if (specifier.startsWith("fsl:")) return specifier;
      if (!specifier.startsWith("./")) return undefined;
      return from.startsWith("fsl:") ? `fsl:${specifier.slice(2).replace(/\.fsl$/, "")}` : specifier.slice(2);
    },
    libraryIds: () => readdirSync(specs).flatMap((name) => (name.endsWith(".fsl") ? [`fsl:${name.slice(0, -4)}`] : [])),
    sources: describeSources(),
    leavesProject: (path) => path.startsWith("/") || path.startsWith("../"),
    files: {
      episodes: (path) => {
        const text = files[path];
        return text === undefined ? { problem: "there is no such file", place: undefined } : parseEpisodeList(text);
      },
      // A text of lines `NAME SIZE×SIZE` stands for a file of such tensors.
      weights: (path) => {
        const text = files[path];
        if (text === undefined) return { problem: "there is no such file", place: undefined };
        const tensors = text
          .trim()
          .split("\n")
          .map((line) => {
            const [name = "", sizes = ""] = line.split(" ");
            return { name, shape: sizes === "" ? [] : sizes.split("×").map(Number), numeric: true };
          });
        return { tensors, digest: `digest of ${text}` };
      },
    },
    facts,
    // A file of numbers describes classes by its text. The sources' own tables have their published sizes.
    describe({ kind }, { name, file }) {
      if (file === undefined) {
        const size = { emoji: 829, cub: 312 }[kind];
        return size === undefined
          ? { problem: `there is no ${name}`, place: undefined }
          : { size, digest: `${kind} ${name}` };
      }
      const text = files[file];
      if (text === undefined) return { problem: "there is no such file", place: undefined };
      const parsed = parseDescription(file, Buffer.from(text));
      if (!("numbers" in parsed)) return { problem: "it has words", place: undefined };
      return { size: parsed.numbers.columns.length, digest: `digest of ${text}` };
    },
  };
}

export function compileText(
  text: string,
  set: Record<string, string> = {},
  others: Record<string, string> = {},
): Compilation {
  return compile(hostOf({ "main.fsl": text, ...others }), "main.fsl", { set });
}

/** `FSL3001 nothing is …`, one a line: what a test compares. */
export function found(compilation: Compilation): string[] {
  return compilation.diagnostics.map((diagnostic) => `${diagnostic.code} ${diagnostic.message}`);
}

/** The experiment of a text that must be right. */
export function experimentOf(
  text: string,
  set: Record<string, string> = {},
  others: Record<string, string> = {},
): Experiment {
  const compilation = compileText(text, set, others);
  if (compilation.experiment === undefined) throw new Error(found(compilation).join("\n"));
  return compilation.experiment;
}

export function stageOf<K extends Stage["kind"]>(
  experiment: Experiment,
  kind: K,
  id: string,
): Extract<Stage, { kind: K }> {
  const stage = experiment.stages.find((candidate) => candidate.id === id);
  if (stage?.kind !== kind) throw new Error(`no ${kind} stage ${id}`);
  return stage as Extract<Stage, { kind: K }>;
}
