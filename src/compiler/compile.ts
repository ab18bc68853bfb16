/** Compiles files to a typed experiment. The function is pure: it reads everything through its host and reports every error. */
import type * as ast from "../../grammar/ast.js";
import { prepareParser } from "../../grammar/parse.js";
import { Checker } from "./check/core/checker.js";
import { Scope } from "./check/core/scope.js";
import { warnAboutClassLeakage } from "./check/stages/class-leakage.js";
import { StageElaborator } from "./check/stages/stage-elaborator.js";
import type { Diagnostic } from "./diagnostics/diagnostic.js";
import { withoutEchoes } from "./diagnostics/echoes.js";
import { Instances } from "./resolve/declarations.js";
import { type ModuleHost, Modules, preludeId } from "./resolve/modules.js";
import { checkNames } from "./resolve/names.js";
import type { Given } from "./resolve/params.js";
import { readSweeps } from "./resolve/sweeps.js";
import type { GivenDescription, GivenFiles, Unusable } from "./typed/given-files.js";
import { type FileSweep, noSweep } from "./typed/sweep.js";
import type {
  DataSource,
  Dataset,
  DatasetFacts,
  Experiment,
  Metric,
  ParamValue,
  PosedTasks,
  SourceForm,
} from "./typed/tree.js";

/** Everything that the compiler asks from outside. Every call is synchronous. */
export interface CompilerHost extends ModuleHost {
  /** The sources of images that a dataset may name. */
  readonly sources: readonly SourceForm[];
  /** Reads the files that lines of an experiment name. If it is undefined, no such file can be read. */
  readonly files?: GivenFiles;
  /** Returns true if a path of a file or folder leads out of the project. If it is undefined, none does. */
  leavesProject?(path: string): boolean;
  /** Returns the facts about data that are known before they are read, or undefined if there are none. */
  facts(source: DataSource): DatasetFacts | undefined;
  /** Returns the facts of a description of the classes of a source: of its own, or of a file. If it is undefined, there are none. */
  describe?(
    source: DataSource,
    asked: { readonly name: string; readonly file: string | undefined },
  ): GivenDescription | Unusable;
  /** Returns the time in milliseconds, for `timings`. The compiler has no clock of its own. */
  now?(): number;
}
export interface CompileOptions {
  /** The values of `--set`, as text. */
  readonly set: Readonly<Record<string, string>>;
  /** The values of one variant of `--sweep`, as text. */
  readonly sweep?: Readonly<Record<string, string>>;
  /** The place of one variant's value in each `sweep` line of the root file, by name. The default is the first value. */
  readonly places?: Readonly<Record<string, number>>;
  readonly params?: Readonly<Record<string, ParamValue>>;
  /** Further tasks for the metric of one stage. */
  readonly pose?: PosedTasks;
}
export interface Compilation {
  /** Undefined if there is an error. */
  readonly experiment: Experiment | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** The variants that the root file asks for. `experiment` is one of them. */
  readonly sweep: FileSweep;
  /** The datasets by id, also if an error was found. */
  readonly datasets: Readonly<Record<string, Dataset>>;
  /** The metrics for the tasks of `pose`, in their order, by the id of the stage. */
  readonly posed: ReadonlyMap<string, readonly Metric[]>;
  /** Every file that was read, the root file first. */
  readonly modules: readonly { readonly id: string; readonly text: string; readonly tree: ast.SourceFile }[];
  readonly timings: readonly { readonly phase: string; readonly ms: number }[];
}

export function compile(host: CompilerHost, root: string, options: CompileOptions): Compilation {
  const checker = new Checker({
    sources: host.sources,
    facts: (source) => host.facts(source),
    describe: (source, asked) =>
      host.describe?.(source, asked) ?? { problem: "it cannot be read here", place: undefined },
    files: host.files,
    mayName: (file, path) => file === root || file.startsWith("fsl:") || host.leavesProject?.(path) !== true,
  });
  const timings: { phase: string; ms: number }[] = [];
  const phase = <T>(name: string, work: () => T): T => {
    const start = host.now?.() ?? 0;
    const result = work();
    timings.push({ phase: name, ms: (host.now?.() ?? 0) - start });
    return result;
  };
  const modules = new Modules(host, checker);
  checker.libraryFileOf = (name) => modules.libraryFileOf(name);
  phase("grammar", prepareParser);
  const file = phase("parse", () => {
    modules.load(preludeId);
    return modules.load(root);
  });
  const stages = new StageElaborator(checker, options.pose);
  const rootFirst = () => [...modules.all].sort((a, b) => Number(b.id === root) - Number(a.id === root));
  const finished = (experiment: Experiment | undefined, sweep: FileSweep): Compilation => ({
    sweep,
    experiment: checker.errors > 0 ? undefined : experiment,
    datasets: experiment?.datasets ?? {},
    posed: stages.posed,
    diagnostics: inOrder(
      checker.errors > 0 ? withoutEchoes(checker.diagnostics.filter(isRelevant), modules.all) : checker.diagnostics,
      root,
    ),
    modules: rootFirst(),
    timings,
  });
  if (file === undefined) {
    checker.report("FSL2002", undefined, { specifier: root });
    return finished(undefined, noSweep);
  }
  const outer = new Scope(checker, undefined);
  const instances = new Instances(checker, modules, stages, outer);
  const given = givenFrom(options);
  const rootInstance = phase("resolve", () => {
    const prelude = modules.load(preludeId);
    if (prelude !== undefined) {
      for (const decl of prelude.tree.declarations) {
        if (decl.kind === "fn") outer.define(decl.name.text, { kind: "fn", decl, scope: outer, span: decl.name.span });
      }
    }
    const instance = instances.root(file, given, options.places ?? {});
    for (const module of modules.all) {
      if (module.id.startsWith("fsl:") && module.id !== root) continue;
      const own = instances.all.find((one) => one.module === module)?.scope;
      checkNames(module, checker, outer, own);
    }
    return instance;
  });
  return phase("check", () => {
    for (const { scope, module } of instances.all) {
      // The library is checked by its own tests; of it, only what stages use is looked at here.
      if (module.id === root || !module.id.startsWith("fsl:")) checkInstance(scope, module.tree, stages);
    }
    for (const instance of instances.all) for (const id of instance.stageIds) stages.elaborate(id);
    const sweep = readSweeps(file.tree, file.text, given, rootInstance.scope);
    warnAboutClassLeakage(stages.stages, stages.typedDatasets, checker);
    const experiment = {
      file: root,
      sources: rootFirst().map(({ id, text }) => ({ id, text })),
      params: rootInstance.params(),
      datasets: stages.typedDatasets,
      stages: stages.stages,
      wanted: rootInstance.stageIds,
    };
    return finished(experiment, sweep);
  });
}

/** Returns false for warnings that errors cause: a name looks unused if an error kept its use from being read. */
function isRelevant({ code }: Diagnostic): boolean {
  return code !== "FSL2007";
}

/** Checks every declaration and every import by itself, so that those that no stage uses are checked too. */
function checkInstance(scope: Scope, tree: ast.SourceFile, stages: StageElaborator): void {
  for (const line of tree.imports) for (const { name, as } of line.names) scope.lookup((as ?? name).text);
  for (const decl of tree.declarations) if (decl.kind !== "stage") stages.checkDeclaration(decl, scope);
}

function givenFrom(options: CompileOptions): Map<string, Given> {
  const given = new Map<string, Given>();
  for (const [name, value] of Object.entries(options.params ?? {})) given.set(name, { origin: "--params", value });
  for (const [name, text] of Object.entries(options.set)) given.set(name, { origin: "--set", text });
  for (const [name, text] of Object.entries(options.sweep ?? {})) given.set(name, { origin: "--sweep", text });
  return given;
}

/** Sorts diagnostics: those of the root file first, and those of each file from top to bottom. */
function inOrder(found: readonly Diagnostic[], root: string): Diagnostic[] {
  const rank = (diagnostic: Diagnostic): [number, string, number] => [
    diagnostic.span === undefined ? 0 : diagnostic.span.file === root ? 1 : 2,
    diagnostic.span?.file ?? "",
    diagnostic.span?.start ?? 0,
  ];
  return [...found].sort((a, b) => {
    const [ra, fa, sa] = rank(a);
    const [rb, fb, sb] = rank(b);
    return ra - rb || (fa < fb ? -1 : fa > fb ? 1 : 0) || sa - sb;
  });
}
