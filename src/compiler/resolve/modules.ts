/** Reads and parses a root file and all modules that it imports. Imported modules come first. */
import type * as ast from "../../../grammar/ast.js";
import { commentsLikeDivisions } from "../../../grammar/division.js";
import { type Parsed, parse } from "../../../grammar/parse.js";
import { suggest, suggestNearest } from "../../common/did-you-mean.js";
import type { Checker } from "../check/core/checker.js";
import { syntaxDiagnostics } from "../diagnostics/syntax.js";

export interface Module {
  readonly id: string;
  readonly text: string;
  readonly tree: ast.SourceFile;
}
export interface ModuleHost {
  /** Returns the text of a module, or undefined if there is no such module. */
  readFile(id: string): string | undefined;
  /** Returns the id of the module that a specifier in a file means, or undefined if it cannot mean one. */
  resolveImport(fromId: string, specifier: string): string | undefined;
  /** Returns why a file that exists is not read, as a clause such as "it is a folder", or undefined if there is no such file. */
  refusal?(id: string): string | undefined;
  /** Parses like `parse` of the grammar. A host that keeps the trees of known texts can return those. */
  parse?(text: string, id: string): Pick<Parsed, "tree" | "errors">;
  /** Returns the ids of the library's files, as candidates for "did you mean". */
  libraryIds(): readonly string[];
  /** Returns the specifiers of the files in the folder that a relative specifier names, as candidates too. */
  besides?(fromId: string, specifier: string): readonly string[];
}
/** Functions that every file may use without importing them. */
export const preludeId = "fsl:prelude";

/** The longest chain of imports that is followed. */
const mostNested = 100;

export class Modules {
  private readonly loaded = new Map<string, Module>();
  private readonly imports = new Map<ast.Import, string>();
  private library: Map<string, string> | undefined;
  private readonly open: { readonly id: string; readonly at: ast.Span }[] = [];

  constructor(
    private readonly host: ModuleHost,
    private readonly checker: Checker,
  ) {}

  get all(): Module[] {
    return [...this.loaded.values()];
  }

  /** Loads the module with this id and all modules that it imports. Returns undefined if there is no such file. */
  load(id: string): Module | undefined {
    const known = this.loaded.get(id);
    if (known !== undefined) return known;
    const text = this.host.readFile(id);
    if (text === undefined) return undefined;
    const { tree, errors } = this.host.parse?.(text, id) ?? parse(text, id);
    for (const found of syntaxDiagnostics(errors)) this.checker.add(found);
    for (const span of commentsLikeDivisions(text, id)) this.checker.report("FSL1026", span, {});
    const module: Module = { id, text, tree };
    this.loaded.set(id, module);
    if (errors.length === 0 || tree.version !== undefined) this.checkVersion(module);
    // A line without its file has been reported.
    for (const line of tree.imports) if (line.from.value !== "" || errors.length === 0) this.follow(module, line);
    return module;
  }

  /** Returns the module that an import line means, or undefined if it is wrong, which has been reported. */
  imported(line: ast.Import): Module | undefined {
    const id = this.imports.get(line);
    return id === undefined ? undefined : this.loaded.get(id);
  }

  /** Returns the file of the library that declares a name for others. The library is read only when a name is unknown. */
  libraryFileOf(name: string): string | undefined {
    this.library ??= this.readLibrary();
    return this.library.get(name);
  }

  private readLibrary(): Map<string, string> {
    const files = new Map<string, string>();
    for (const id of this.host.libraryIds()) {
      const text = id === preludeId ? undefined : this.host.readFile(id);
      if (text === undefined) continue;
      const { tree } = this.host.parse?.(text, id) ?? parse(text, id);
      for (const { name } of tree.declarations) if (!name.text.startsWith("_")) files.set(name.text, id);
    }
    return files;
  }

  private follow(from: Module, line: ast.Import): void {
    const specifier = line.from.value;
    const id = this.host.resolveImport(from.id, specifier);
    const cycle = id === undefined ? -1 : [...this.open.map((open) => open.id), from.id].indexOf(id);
    if (id !== undefined && cycle >= 0) {
      const path = [...this.open.map((open) => open.id), from.id].slice(cycle);
      this.checker.report(
        "FSL2004",
        line.from.span,
        { chain: [...path, id].join(" → ") },
        {
          labels: this.open.slice(cycle).map((open) => ({ span: open.at, text: "imported here" })),
        },
      );
      return;
    }
    if (this.open.length >= mostNested) {
      const what = `imports of imports, more than ${mostNested} deep`;
      this.checker.report("FSL2020", line.from.span, { what });
      return;
    }
    this.open.push({ id: from.id, at: line.from.span });
    const module = id === undefined ? undefined : this.load(id);
    this.open.pop();
    if (id === undefined || module === undefined) {
      this.checker.report("FSL2002", line.from.span, { specifier }, { help: this.helpFor(from, specifier, id) });
      return;
    }
    this.imports.set(line, id);
  }

  private helpFor(from: Module, specifier: string, id: string | undefined): string[] {
    if (specifier.startsWith("fsl:")) {
      return suggest(
        specifier,
        this.host.libraryIds().filter((file) => file !== preludeId),
      );
    }
    if (!specifier.startsWith("./") && !specifier.startsWith("../")) {
      return ["a path starts with `./` or `../`, a library file with `fsl:`"];
    }
    if (id === undefined && !from.id.startsWith("fsl:")) {
      return [
        specifier.endsWith(".fsl")
          ? "the path, or a link on it, leads out of the project, whose folder is the nearest with `.fslc`, `package.json` or `.git` in it"
          : "the name of a file to import from ends in `.fsl`",
      ];
    }
    const refusal = id === undefined ? undefined : this.host.refusal?.(id);
    return refusal === undefined ? suggestNearest(specifier, this.host.besides?.(from.id, specifier) ?? []) : [refusal];
  }

  private checkVersion({ tree, id, text }: Module): void {
    const { version, versionSpan } = tree;
    const span = versionSpan ?? { file: id, start: 0, end: 0 };
    if (version === undefined) this.checker.report("FSL2009", span, {});
    else if (version !== 1) {
      // As it is written: a number may be too large to be printed.
      const written = text.slice(span.start, span.end).replace(/^fsl\s*/, "");
      this.checker.report("FSL2010", span, { version: written });
    }
  }
}
