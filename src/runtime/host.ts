/** The compiler's window on the disk: modules of the project, the library that comes with fslc, facts of datasets. */
import { readFileSync } from "node:fs";
import { isAbsolute, join, posix, relative, resolve, sep } from "node:path";
import type { CompilerHost } from "../compiler/compile.js";
import { describeSources, sourceFacts } from "./data/sources/index.js"; // not the whole room: a check starts in less
import { packageRoot } from "./package.js";
import { type Project, places } from "./project.js";

const library = "fsl:";

/** Module ids are paths relative to the project with `/`, or `fsl:NAME` for specs/NAME.fsl of this package. */
export function nodeHost(project: Project): CompilerHost {
  return {
    readFile(id) {
      const path = pathOf(project, id);
      if (path === undefined) return undefined;
      try {
        return readFileSync(path, "utf8");
      } catch {
        return undefined; // Not there or not readable: the compiler says which import is to blame.
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
      return id.startsWith("..") ? undefined : id;
    },
    sources: describeSources(),
    facts: (source) => sourceFacts(source, project.dir, places.data(project)),
    now: () => performance.now(),
  };
}

/** The id of a file of the user's. */
export function moduleId(project: Project, path: string): string {
  return relative(project.dir, resolve(path)).split(sep).join("/");
}

/** Where a module lies on disk; undefined for an id that is no module's. */
export function pathOf(project: Project, id: string): string | undefined {
  if (id.startsWith(library)) {
    return isLibraryName(id) ? join(packageRoot, "specs", `${id.slice(library.length)}.fsl`) : undefined;
  }
  return isAbsolute(id) ? undefined : join(project.dir, id);
}

function isLibraryName(id: string): boolean {
  return /^fsl:[a-z0-9][a-z0-9_-]*$/.test(id);
}
