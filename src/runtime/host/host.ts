/** Gives the compiler access to the disk: modules of the project, the library of fslc, and facts of datasets. */
import { existsSync, readdirSync } from "node:fs";
import { isAbsolute, join, posix, relative, resolve, sep } from "node:path";
import { type Parsed, parse } from "../../../grammar/parse.js";
import type { CompilerHost } from "../../compiler/compile.js";
import { describeClasses } from "../data/descriptions/index.js";
import { readEpisodeFile } from "../data/episode-file.js";
import { describeSources, sourceFacts } from "../data/sources/index.js"; // not the whole room: a check starts in less
import { readGivenWeights } from "../store/given-weights.js";
import { packageRoot } from "../system/package.js";
import { leavesProject, type Project, projectPaths } from "../system/project.js";
import { RefusedFileError, readSource } from "../system/read-file.js";
import { libraryTree } from "./library.js";

const library = "fsl:";
const specs = join(packageRoot, "specs");

/**
 * Creates the host of a project. The id of a module is its path relative to the project with `/`, or `fsl:NAME` for
 * specs/NAME.fsl of this package. If several compilations share a host, it parses each text once.
 */
export function nodeHost(project: Project): CompilerHost {
  const parsed = new Map<string, { readonly text: string; readonly result: Pick<Parsed, "tree" | "errors"> }>();
  return {
    parse(text, id) {
      const known = parsed.get(id);
      if (known?.text === text) return known.result;
      const tree = id.startsWith(library) ? libraryTree(id.slice(library.length), text) : undefined;
      const result = tree === undefined ? parse(text, id) : { tree, errors: [] };
      parsed.set(id, { text, result });
      return result;
    },
    libraryIds: () =>
      readdirSync(specs)
        .filter((name) => name.endsWith(".fsl"))
        .map((name) => `${library}${name.slice(0, -".fsl".length)}`),
    readFile(id) {
      const path = pathOf(project, id);
      if (path === undefined) return undefined;
      try {
        return readSource(path);
      } catch {
        return undefined; // The file is missing or unreadable. The compiler reports the import.
      }
    },
    refusal(id) {
      const path = pathOf(project, id);
      try {
        if (path !== undefined) readSource(path);
        return undefined;
      } catch (error) {
        return error instanceof RefusedFileError ? error.message : undefined;
      }
    },
    resolveImport(fromId, specifier) {
      if (specifier.startsWith(library)) return isLibraryName(specifier) ? specifier : undefined;
      if (!specifier.startsWith("./") && !specifier.startsWith("../")) return undefined;
      if (fromId.startsWith(library)) {
        const id = `${library}${posix.normalize(specifier).replace(/\.fsl$/, "")}`;
        return isLibraryName(id) ? id : undefined;
      }
      const id = posix.join(posix.dirname(fromId), specifier);
      const path = id.startsWith("..") ? undefined : pathOf(project, id);
      if (path === undefined || !path.endsWith(".fsl") || leavesProject(project, path)) return undefined;
      return id;
    },
    besides(fromId, specifier) {
      const folder = pathOf(project, posix.join(posix.dirname(fromId), posix.dirname(specifier)));
      const before = specifier.slice(0, specifier.lastIndexOf("/") + 1);
      if (folder === undefined || !existsSync(folder)) return [];
      return readdirSync(folder)
        .filter((name) => name.endsWith(".fsl"))
        .map((name) => `${before}${name}`);
    },
    sources: describeSources(),
    files: {
      episodes: (path) => readEpisodeFile(path, project),
      weights: (path) => readGivenWeights(path, project),
    },
    leavesProject: (path) => leavesProject(project, path),
    facts: (source) => sourceFacts(source, project.dir, projectPaths.data(project)),
    describe: (source, asked) =>
      describeClasses(source, asked, { projectDir: project.dir, cacheDir: projectPaths.data(project) }),
    now: () => performance.now(),
  };
}

/** Returns the id of a file of the user. */
export function moduleId(project: Project, path: string): string {
  return relative(project.dir, resolve(path)).split(sep).join("/");
}

/** Returns the path of a module, or undefined if the id is not the id of a module. */
export function pathOf(project: Project, id: string): string | undefined {
  if (id.startsWith(library)) {
    return isLibraryName(id) ? join(specs, `${id.slice(library.length)}.fsl`) : undefined;
  }
  return isAbsolute(id) ? undefined : join(project.dir, id);
}

function isLibraryName(id: string): boolean {
  return /^fsl:[a-z0-9][a-z0-9_-]*$/.test(id);
}
