/** Turns modules into scopes. Each declaration is a value that is made at its first use. */
import type * as ast from "../../../grammar/ast.js";
import { suggest } from "../../common/did-you-mean.js";
import type { Checker } from "../check/core/checker.js";
import { Scope } from "../check/core/scope.js";
import { anything, type Value } from "../check/core/values.js";
import { foreignDeclaration } from "../check/expressions/foreign-words.js";
import type { StageElaborator } from "../check/stages/stage-elaborator.js";
import type { ResolvedParam } from "../typed/tree.js";
import type { Module, Modules } from "./modules.js";
import { checkGiven, type Given, paramsOf, paramValue, resolvedParam } from "./params.js";
import { sweepValues } from "./sweeps.js";

/** A module with the values of its parameters. The same file imported `with` other values is another instance. */
export interface Instance {
  readonly module: Module;
  readonly scope: Scope;
  /** The ids of the stages of the file, in the order of declaration. */
  readonly stageIds: readonly string[];
  readonly params: () => ResolvedParam[];
}

/** The most files that an experiment may consist of. A file that is imported with other values counts again. */
const mostInstances = 1000;

export class Instances {
  private readonly plain = new Map<string, Instance>();
  private readonly instances: Instance[] = [];
  private made = 0;
  private readonly taken = new Map<string, number>();

  constructor(
    private readonly checker: Checker,
    private readonly modules: Modules,
    private readonly stages: StageElaborator,
    /** The scope around every module, which has the functions that need no import. */
    private readonly outer: Scope,
  ) {}

  /** All instances, imported ones first. */
  get all(): readonly Instance[] {
    return this.instances;
  }

  /** Returns the instance of the root file. `places` says which value of each of its `sweep` lines it has. */
  root(module: Module, given: ReadonlyMap<string, Given>, places: Readonly<Record<string, number>>): Instance {
    const swept = sweepValues(module.tree, given, places);
    const spans = new Map(module.tree.sweeps.map(({ name }) => [name.text, name.span]));
    return this.make(module, "", new Map([...given, ...swept]), spans);
  }

  private imported(line: ast.Import, importer: Scope): Instance | undefined {
    const module = this.modules.imported(line);
    if (module === undefined) return undefined;
    if (line.with.length === 0) {
      const known = this.plain.get(module.id) ?? this.make(module, this.prefix(module.id), new Map(), new Map());
      this.plain.set(module.id, known);
      return known;
    }
    const given = new Map<string, Given>();
    const spans = new Map<string, ast.Span>();
    for (const arg of line.with) {
      if (arg.name === undefined) {
        this.checker.report(
          "FSL2015",
          arg.span,
          { callee: "`with`", expected: "values by name", found: "one without is" },
          { help: ["write `with (depth: 12)`"] },
        );
        continue;
      }
      given.set(arg.name.text, { origin: "file", expr: arg.value, scope: importer });
      spans.set(arg.name.text, arg.name.span);
    }
    return this.makeWith(line, module, given, spans);
  }

  /** Returns the prefix for the names of an imported instance's stages and datasets: the name of its file, numbered if it is taken. */
  private prefix(id: string): string {
    const name = id
      .replace(/^fsl:/, "")
      .replace(/^.*\//, "")
      .replace(/\.fsl$/, "");
    const taken = this.taken.get(name) ?? 0;
    this.taken.set(name, taken + 1);
    return taken === 0 ? `${name}.` : `${name}~${taken}.`;
  }

  /** Returns an instance for one import line with values, or undefined after a report if there are too many. */
  private makeWith(
    line: ast.Import,
    module: Module,
    given: ReadonlyMap<string, Given>,
    spans: ReadonlyMap<string, ast.Span>,
  ): Instance | undefined {
    if (this.made >= mostInstances) {
      const what = `more than ${mostInstances} files, counting each once for every import with values`;
      if (this.made++ === mostInstances) this.checker.report("FSL2020", line.from.span, { what });
      return undefined;
    }
    return this.make(module, this.prefix(module.id), given, spans);
  }

  private make(
    module: Module,
    prefix: string,
    given: ReadonlyMap<string, Given>,
    spans: ReadonlyMap<string, ast.Span>,
  ): Instance {
    const { tree } = module;
    const { checker } = this;
    this.made++;
    const scope = new Scope(checker, this.outer);
    const seen = new Map<string, ast.Span>();
    const declare = (name: ast.Name, make: () => Value): void => {
      const first = seen.get(name.text);
      if (first !== undefined) {
        checker.report(
          "FSL2006",
          name.span,
          { name: name.text },
          { labels: [{ span: first, text: "declared here first" }] },
        );
        return;
      }
      seen.set(name.text, name.span);
      scope.defineLazily(
        name.text,
        () => checker.nested(name.span, make) ?? anything(name.span),
        () => {
          checker.report("FSL2018", name.span, { name: name.text });
          return anything(name.span);
        },
      );
    };
    for (const line of tree.imports) this.import(line, scope, declare);
    const stageIds: string[] = [];
    for (const decl of tree.declarations) {
      if (decl.kind === "stage") {
        const id = `${prefix}${decl.name.text}`;
        if (!seen.has(decl.name.text)) {
          stageIds.push(id);
          this.stages.declare(id, decl, scope);
        }
      }
      declare(decl.name, () => this.value(decl, scope, prefix, given));
    }
    checkGiven(given, tree, module.id, scope, spans);
    const params = (): ResolvedParam[] =>
      paramsOf(tree).flatMap((decl) => {
        const value = scope.lookup(decl.name.text);
        const made = value === undefined ? undefined : resolvedParam(decl, value, given.get(decl.name.text));
        return made === undefined ? [] : [made];
      });
    const instance: Instance = { module, scope, stageIds, params };
    this.instances.push(instance);
    return instance;
  }

  private import(line: ast.Import, importer: Scope, declare: (name: ast.Name, make: () => Value) => void): void {
    const { checker } = this;
    const instance = this.imported(line, importer);
    for (const { name, as } of line.names) {
      declare(as ?? name, () => {
        if (instance === undefined) return anything(name.span);
        const file = instance.module.id;
        const declared = instance.module.tree.declarations.map((decl) => decl.name.text);
        if (!declared.includes(name.text)) {
          const open = declared.filter((other) => !other.startsWith("_"));
          const elsewhere = checker.libraryFileOf(name.text);
          const help =
            elsewhere === undefined
              ? (foreignDeclaration(name.text) ?? suggest(name.text, open))
              : [`it is in \`${elsewhere}\`: \`import { ${name.text} } from "${elsewhere}"\``];
          checker.report("FSL2003", name.span, { file, name: name.text }, { help });
          return anything(name.span);
        }
        if (name.text.startsWith("_")) {
          checker.report("FSL2005", name.span, { name: name.text, file });
          return anything(name.span);
        }
        return instance.scope.lookup(name.text) ?? anything(name.span);
      });
    }
  }

  private value(decl: ast.Declaration, scope: Scope, prefix: string, given: ReadonlyMap<string, Given>): Value {
    const span = decl.name.span;
    switch (decl.kind) {
      case "param":
        return paramValue(decl, given.get(decl.name.text), scope, prefix === "");
      case "fn":
        return { kind: "fn", decl, scope, span };
      case "metric":
        return { kind: "metric", decl, scope, span };
      case "block":
        return { kind: "block", decl, scope, span };
      case "backbone":
        return { kind: "backbone", name: decl.name.text, decl, scope, span };
      case "dataset":
        return { kind: "dataset", id: `${prefix}${decl.name.text}`, decl, scope, span };
      case "episode":
        return { kind: "episode", decl, scope, each: [], span };
      case "stage":
        return { kind: "stage", id: `${prefix}${decl.name.text}`, span };
    }
  }
}
