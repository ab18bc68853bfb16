/** From a file on disk to a typed experiment. */
import { readFileSync } from "node:fs";
import { type Compilation, type CompilerHost, compile } from "../../compiler/compile.js";
import { diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { ParamValue } from "../../compiler/typed/tree.js";
import { findProject, type Project } from "../system/project.js";
import { reason } from "../system/reason.js";
import { moduleId, nodeHost } from "./host.js";

export interface CompileFileOptions {
  /** Values of the root file's parameters as text: `{ shots: "1" }` is `--set shots=1`. */
  readonly set?: Readonly<Record<string, string>>;
  /** Values of the root file's parameters, as a parameter file gives them. */
  readonly params?: Readonly<Record<string, ParamValue>>;
  /** The project's folder; found from the file where it is left out. */
  readonly projectDir?: string;
  /** Where fslc keeps stores, runs and packed images: `.fslc` in the project where it is left out. */
  readonly home?: string;
}

export interface CompiledFile extends Compilation {
  readonly project: Project;
}

/** Compiles an experiment. What is wrong with it is in `diagnostics`; then `experiment` is undefined. Never throws for a bad file. */
export function compileFile(path: string, options: CompileFileOptions = {}): CompiledFile {
  return createFileCompiler(options)(path);
}

/** As `compileFile`, for several experiments: what they import is read once. */
export function createFileCompiler(options: CompileFileOptions = {}): (path: string) => CompiledFile {
  const hosts = new Map<string, CompilerHost>();
  return (path) => {
    const project = findProject(path, {
      ...(options.projectDir === undefined ? {} : { dir: options.projectDir }),
      ...(options.home === undefined ? {} : { home: options.home }),
    });
    try {
      readFileSync(path);
    } catch (error) {
      const problem = diagnostic("FSL7040", undefined, { path, why: reason(error) });
      return { project, experiment: undefined, diagnostics: [problem], modules: [], timings: [] };
    }
    const host = hosts.get(project.dir) ?? nodeHost(project);
    hosts.set(project.dir, host);
    const compilation = compile(host, moduleId(project, path), {
      set: options.set ?? {},
      ...(options.params === undefined ? {} : { params: options.params }),
    });
    return { ...compilation, project };
  };
}
