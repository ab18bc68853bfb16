/** The lines of a stage, those of `like` included, each with the scope that it was written in. */
import type * as ast from "../../../grammar/ast.js";
import { suggest } from "./checker.js";
import type { Scope } from "./scope.js";

export interface Written<L extends ast.StageLine = ast.StageLine> {
  readonly line: L;
  readonly scope: Scope;
}
export type Lines = ReadonlyMap<string, Written>;

const allowed: Readonly<Record<ast.StageDecl["stage"], readonly string[]>> = {
  pretrain: ["data", "encoder", "head", "metric", "of", "loss", "optimizer", "schedule", "for", "validate"],
  meta: ["encoder", "metric", "of", "episodes", "loss", "optimizer", "schedule", "for", "validate", "fit from"],
  evaluate: ["encoder", "metric", "of", "episodes", "report", "fit from"],
};

export function wordOf(line: ast.StageLine): string {
  if (line.kind === "slot") return line.slot;
  if (line.kind === "fitFrom") return "fit from";
  return line.kind === "setting" ? line.word.text : line.kind;
}

/** Own lines over those of `like`. Reports lines that are given twice or that this kind of stage does not have. */
export function ownLines(decl: ast.StageDecl, scope: Scope, inherited: Lines): { lines: Lines; complete: boolean } {
  const { checker } = scope;
  const lines = new Map(inherited);
  const seen = new Map<string, ast.StageLine>();
  let complete = true;
  for (const line of decl.lines) {
    const word = wordOf(line);
    if (!allowed[decl.stage].includes(word)) {
      const span = line.kind === "setting" ? line.word.span : line.span;
      checker.report("FSL5002", span, { kind: decl.stage, line: word }, { help: suggest(word, allowed[decl.stage]) });
      complete = false;
      continue;
    }
    const first = seen.get(word);
    if (first !== undefined) {
      checker.report(
        "FSL5003",
        line.span,
        { line: word },
        { labels: [{ span: first.span, text: "given here first" }] },
      );
      complete = false;
      continue;
    }
    seen.set(word, line);
    lines.set(word, { line, scope });
  }
  // A slot that is restated is no longer taken over by an inherited `of`, and `of` replaces inherited slots.
  if (seen.has("of")) for (const slot of ["encoder", "head", "metric"]) if (!seen.has(slot)) lines.delete(slot);
  return { lines, complete };
}

export function lineOf<K extends ast.StageLine["kind"]>(
  lines: Lines,
  word: string,
  kind: K,
): Written<Extract<ast.StageLine, { kind: K }>> | undefined {
  const written = lines.get(word);
  if (written?.line.kind !== kind) return undefined;
  return written as Written<Extract<ast.StageLine, { kind: K }>>;
}
