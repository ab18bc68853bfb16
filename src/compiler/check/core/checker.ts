/** One compilation at work: what it may ask of the world, and the diagnostics it has collected. */
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
import type { GivenFiles } from "../../typed/given-files.js";
import type { Axis, DataSource, DatasetFacts, SourceForm } from "../../typed/tree.js";
import type { CallableValue } from "./computed-values.js";

/** Calls that one compilation inlines at most: far above any method. */
const mostInlined = 20_000;

export class Checker {
  private readonly found = new Map<string, Diagnostic>();
  /** The calls that are being inlined, outermost first: an error in a `fn` shows who called it. */
  private readonly calls: { readonly decl: FnDecl; readonly span: Span }[] = [];
  private inlined = 0;
  private readonly open = new Set<object>();
  /** A finished stage as a function of images, for losses over the classes `labels` and images of a size. Set by the owner of the stages. */
  callStage: (
    id: string,
    at: Span,
    here: { readonly labels?: string | undefined; readonly image?: readonly Axis[] },
  ) => CallableValue | undefined = () => undefined;

  constructor(
    readonly sources: readonly SourceForm[],
    readonly facts: (source: DataSource) => DatasetFacts | undefined,
    readonly files: GivenFiles | undefined,
  ) {}

  /** The same mistake met again (a metric used by three stages) is reported once. */
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

  get errors(): number {
    let errors = 0;
    for (const found of this.found.values()) if (found.severity === "error") errors++;
    return errors;
  }

  /** Runs `work` as part of a call: errors inside point back at it. */
  inCall<T>(decl: FnDecl, span: Span, work: () => T): T {
    this.calls.push({ decl, span });
    try {
      return work();
    } finally {
      this.calls.pop();
    }
  }

  /** Whether a function is being inlined already: calling it again would never end. */
  isInlining(decl: FnDecl): boolean {
    return this.calls.some((call) => call.decl === decl);
  }

  /**
   * Counts a call that is inlined. Reports, once, that there are more than any real file makes: functions, blocks and
   * defaults that use others twice double with each level.
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

  /** Runs `work` as part of a definition. Reports one that comes back to itself, and gives undefined. */
  evaluateOnce<T>(definition: object, name: Name, work: () => T): T | undefined {
    if (this.open.has(definition)) {
      this.report("FSL2018", name.span, { name: name.text });
      return undefined;
    }
    this.open.add(definition);
    try {
      return work();
    } finally {
      this.open.delete(definition);
    }
  }
}

function within(inner: Span, outer: Span): boolean {
  return inner.file === outer.file && inner.start >= outer.start && inner.end <= outer.end;
}
