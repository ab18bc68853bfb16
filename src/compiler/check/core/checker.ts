/** The state of one compilation: what it may ask its host, and the diagnostics that it has collected. */
import type { FnDecl, Name, Span } from "../../../../grammar/ast.js";
import type { Holes } from "../../diagnostics/code.js";
import {
  type CodeName,
  type Diagnostic,
  type DiagnosticExtras,
  diagnostic,
  type Label,
  type registry,
} from "../../diagnostics/diagnostic.js";
import type { GivenDescription, GivenFiles, Unusable } from "../../typed/given-files.js";
import type { DataSource, DatasetFacts, SourceForm } from "../../typed/tree.js";
import type { FinishedStages } from "./finished-stages.js";

/** One compilation inlines at most this many calls, which is far more than any method needs. */
const mostInlined = 20_000;

/** Everything that a compilation may ask about the world around it. */
export interface Surroundings {
  /** The sources of images that a dataset may name. */
  readonly sources: readonly SourceForm[];
  readonly facts: (source: DataSource) => DatasetFacts | undefined;
  readonly describe: (
    source: DataSource,
    asked: { readonly name: string; readonly file: string | undefined },
  ) => GivenDescription | Unusable;
  readonly files: GivenFiles | undefined;
  /** Returns true if a file of FSL may name this path of a file or folder. */
  readonly mayName: (file: string, path: string) => boolean;
}

/** The longest chain of declarations of which each needs the next. Real files have chains of five. */
const mostNested = 200;

export class Checker {
  private found = new Map<string, Diagnostic>();
  /** Functions that take back the effects of the attempt that runs, the latest effect last. Undefined outside of attempts. */
  private undoing: (() => void)[] | undefined;
  /** The calls that are being inlined, outermost first. An error in a `fn` shows its call. */
  private readonly calls: { readonly decl: FnDecl; readonly span: Span }[] = [];
  private inlined = 0;
  private depth = 0;
  private readonly open = new Set<object>();
  /** Gives the networks of finished stages. The stages set it. */
  finished: FinishedStages = { callable: () => undefined, network: () => undefined };

  /** Returns the file of the library that declares a name, or undefined if none does. The compilation sets it. */
  libraryFileOf: (name: string) => string | undefined = () => undefined;
  private readonly unimported = new Set<string>();

  readonly sources: readonly SourceForm[];
  readonly facts: (source: DataSource) => DatasetFacts | undefined;
  readonly describe: Surroundings["describe"];
  readonly files: GivenFiles | undefined;

  constructor(private readonly surroundings: Surroundings) {
    this.sources = surroundings.sources;
    this.facts = surroundings.facts;
    this.describe = surroundings.describe;
    this.files = surroundings.files;
  }

  /**
   * Returns true if the file in which a path is `written` may name it. At that place it reports FSL5063 for an imported file that names a path outside of
   * the project: paths elsewhere are for the user to give, in the experiment that is run or on the command line.
   */
  allowsPath(path: string, written: Span): boolean {
    if (this.surroundings.mayName(written.file, path)) return true;
    this.report("FSL5063", written, { file: written.file, path });
    return false;
  }

  /** Reports a mistake, once even if it is found again: three stages may use the same metric. */
  report<K extends CodeName>(
    code: K,
    span: Span | undefined,
    holes: Holes<(typeof registry)[K]>,
    extras: DiagnosticExtras = {},
  ): void {
    const call = this.calls.at(-1);
    const inCall: Label[] =
      call === undefined || span === undefined || within(span, call.span)
        ? []
        : [{ span: call.span, text: `in this call of \`${call.decl.name.text}\`` }];
    const made = diagnostic(code, span, holes, { ...extras, labels: [...(extras.labels ?? []), ...inCall] });
    const key = `${code} ${span?.file} ${span?.start} ${span?.end}`;
    if (!this.found.has(key)) this.found.set(key, made);
  }

  add(found: Diagnostic): void {
    const key = `${found.code} ${found.span?.file} ${found.span?.start} ${found.span?.end}`;
    if (!this.found.has(key)) this.found.set(key, found);
  }

  get diagnostics(): readonly Diagnostic[] {
    return [...this.found.values()];
  }

  /** True if so much has been found that nobody reads it all. A search for what may have been meant is then not worth its time. */
  get hasFoundMany(): boolean {
    return this.found.size >= 100;
  }

  get errors(): number {
    let errors = 0;
    for (const found of this.found.values()) if (found.severity === "error") errors++;
    return errors;
  }

  /** Returns true for the first use of a name of the library that a file has not imported: one line of import brings them all. */
  isFirstUnimported(name: string, file: string): boolean {
    const key = `${file} ${name}`;
    if (this.unimported.has(key)) return false;
    this.unimported.add(key);
    this.undo(() => this.unimported.delete(key));
    return true;
  }

  /**
   * Runs `work` and returns its result. If `keep` refuses the result, everything that it reported is forgotten, and the effects
   * that it named by `undo` are taken back, as if it had not run.
   */
  attempt<T>(work: () => T, keep: (result: T) => boolean): T {
    const outer = this.undoing;
    const before = this.found;
    const own: (() => void)[] = [];
    this.undoing = own;
    this.found = new Map(before);
    try {
      const result = work();
      if (keep(result)) outer?.push(...own);
      else {
        for (const undo of own.reverse()) undo();
        this.found = before;
      }
      return result;
    } finally {
      this.undoing = outer;
    }
  }

  /** Says how to take back an effect that has just happened, in case the attempt around it is refused. */
  undo(effect: () => void): void {
    this.undoing?.push(effect);
  }

  /** Runs `work` as part of a call. Errors inside it show the call. */
  inCall<T>(decl: FnDecl, span: Span, work: () => T): T {
    this.calls.push({ decl, span });
    try {
      return work();
    } finally {
      this.calls.pop();
    }
  }

  /** Returns true if a function is being inlined already, so that calling it again would never end. */
  isInlining(decl: FnDecl): boolean {
    return this.calls.some((call) => call.decl === decl);
  }

  /**
   * Counts a call that is inlined, and returns true if there are too many, which is reported once. The number of calls can
   * explode: functions, blocks and defaults that use others twice double it with each level.
   */
  countInlinedCall(callee: string, span: Span): boolean {
    this.inlined++;
    if (this.inlined <= mostInlined) return false;
    if (this.inlined === mostInlined + 1) {
      const outermost = this.calls[0];
      const name = outermost === undefined ? callee : `\`${outermost.decl.name.text}\``;
      this.add(diagnostic("FSL3030", outermost?.span ?? span, { callee: name, most: mostInlined }));
    }
    return true;
  }

  /**
   * Runs `work`, which checks a declaration because another one needs it. If declarations need each other in too long a chain,
   * that is reported once, also with imports that are too deep, and the result is undefined: the checker is recursive, so there has to be a limit.
   */
  nested<T>(span: Span, work: () => T): T | undefined {
    if (this.depth >= mostNested) {
      const what = `declarations that need each other in a chain of more than ${mostNested}`;
      if (![...this.found.values()].some(({ code }) => code === "FSL2020")) this.report("FSL2020", span, { what });
      return undefined;
    }
    this.depth++;
    try {
      return work();
    } finally {
      this.depth--;
    }
  }

  /** Runs `work` as part of a definition. If the definition needs itself, that is reported and the result is undefined. */
  evaluateOnce<T>(definition: object, name: Name, work: () => T): T | undefined {
    if (this.open.has(definition)) {
      this.report("FSL2018", name.span, { name: name.text });
      return undefined;
    }
    this.open.add(definition);
    try {
      return this.nested(name.span, work);
    } finally {
      this.open.delete(definition);
    }
  }
}

function within(inner: Span, outer: Span): boolean {
  return inner.file === outer.file && inner.start >= outer.start && inner.end <= outer.end;
}
