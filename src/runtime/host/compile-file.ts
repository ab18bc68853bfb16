/** Compiles a file on the disk to a typed experiment. */
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { didYouMean } from "../../common/did-you-mean.js";
import { type Compilation, type CompileOptions, type CompilerHost, compile } from "../../compiler/compile.js";
import { diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { noSweep } from "../../compiler/typed/sweep.js";
import type { ParamValue, PosedTasks } from "../../compiler/typed/tree.js";
import { findProject, type Project } from "../system/project.js";
import { readSource } from "../system/read-file.js";
import { reason } from "../system/reason.js";
import { moduleId, nodeHost } from "./host.js";

export interface CompileFileOptions {
  /** The values of parameters of the root file, as they are written after `--set`: `{ shots: 1 }` and `{ shots: "1" }` are `--set shots=1`. */
  readonly set?: Readonly<Record<string, string | number | boolean>>;
  /** The values of parameters of the root file as JSON values, as in a parameter file. */
  readonly params?: Readonly<Record<string, ParamValue>>;
  /** Further tasks for the metric of one stage, such as that of images which the experiment does not know. */
  readonly pose?: PosedTasks;
  /** The folder of the project. By default, it is found from the file. */
  readonly projectDir?: string;
  /** The folder of the store, runs and packed images. By default, it is `.fslc` in the project. */
  readonly home?: string;
}

export interface CompiledFile extends Compilation {
  readonly project: Project;
}

/** Compiles an experiment. If it has errors, they are in `diagnostics` and `experiment` is undefined. It never throws for a bad file. */
export function compileFile(path: string, options: CompileFileOptions = {}): CompiledFile {
  return createFileCompiler(options)(path);
}

/**
 * Returns a function that does the same as `compileFile` for several experiments and reads shared imports once. With a `text`, the
 * experiment has this text in place of that of its file, which need not exist. `variant` says which variant of a sweep it is.
 */
export function createFileCompiler(
  options: CompileFileOptions = {},
): (path: string, text?: string, variant?: Pick<CompileOptions, "sweep" | "places">) => CompiledFile {
  const hosts = new Map<string, CompilerHost>();
  return (path, text, variant = {}) => {
    const project = findProject(path, {
      ...(options.projectDir === undefined ? {} : { dir: options.projectDir }),
      ...(options.home === undefined ? {} : { home: options.home }),
    });
    try {
      if (text === undefined) readSource(path);
    } catch (error) {
      const problem = diagnostic("FSL7040", undefined, { path, why: reason(error) }, { help: nearestFile(path) });
      const nothing = { sweep: noSweep, datasets: {}, posed: new Map<string, never>(), modules: [], timings: [] };
      return { project, experiment: undefined, diagnostics: [problem], ...nothing };
    }
    const host = hosts.get(project.dir) ?? nodeHost(project);
    hosts.set(project.dir, host);
    const id = moduleId(project, path);
    const compilation = compile(text === undefined ? host : withText(host, id, text), id, {
      set: Object.fromEntries(Object.entries(options.set ?? {}).map(([name, value]) => [name, String(value)])),
      ...variant,
      ...(options.params === undefined ? {} : { params: options.params }),
      ...(options.pose === undefined ? {} : { pose: options.pose }),
    });
    return { ...compilation, project };
  };
}

/** Returns the experiment beside a path that cannot be read whose name is near, as help: people leave out `.fsl`. */
function nearestFile(path: string): string[] {
  const folder = dirname(path);
  const wanted = path.endsWith(".fsl") ? basename(path) : `${basename(path)}.fsl`;
  try {
    const files = readdirSync(folder).filter((name) => name.endsWith(".fsl"));
    const near = files.includes(wanted) ? wanted : didYouMean(wanted, files);
    return near === undefined || join(folder, near) === path ? [] : [`did you mean \`${join(folder, near)}\`?`];
  } catch {
    return [];
  }
}

/** Returns a host that gives `text` for one module. */
function withText(host: CompilerHost, id: string, text: string): CompilerHost {
  return { ...host, readFile: (other) => (other === id ? text : host.readFile(other)) };
}
