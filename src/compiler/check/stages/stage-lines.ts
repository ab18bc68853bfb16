/** The lines of a stage, those of `like` included, each with the scope that it was written in. */
import type * as ast from "../../../../grammar/ast.js";
import { didYouMean, suggest } from "../../../common/did-you-mean.js";
import type { Scope } from "../core/scope.js";

export interface ScopedLine<L extends ast.StageLine = ast.StageLine> {
  readonly line: L;
  readonly scope: Scope;
}
export type StageLines = ReadonlyMap<string, ScopedLine>;

const training = ["loss", "optimizer", "schedule", "for", "validate", "patience", "ema"];
const allowed: Readonly<Record<ast.StageDecl["stage"], readonly string[]>> = {
  pretrain: ["data", "encoder", "head", "metric", "of", "learn", ...training, "init"],
  meta: ["encoder", "metric", "of", "episodes", ...training, "fit from", "init"],
  evaluate: ["encoder", "metric", "of", "episodes", "report", "fit from", "init"],
};

export function lineWord(line: ast.StageLine): string {
  if (line.kind === "slot") return line.slot;
  if (line.kind === "fitFrom") return "fit from";
  return line.kind === "setting" ? line.word.text : line.kind;
}

/** What a line is found by: its word, and the names of a `learn` or slot of an `init`, of which there may be several. */
function lineKey(line: ast.StageLine): string {
  if (line.kind === "init" && line.slot !== undefined) return `init ${line.slot.text}`;
  return line.kind === "learn" ? `learn ${line.names.map((name) => name.text).join(", ")}` : lineWord(line);
}

/** Own lines over those of `like`. Reports lines that are given twice or that this kind of stage does not have. */
export function mergeLines(
  decl: ast.StageDecl,
  scope: Scope,
  inherited: StageLines,
): { lines: StageLines; complete: boolean } {
  const { checker } = scope;
  const lines = new Map(inherited);
  const seen = new Map<string, ast.StageLine>();
  let complete = true;
  for (const line of decl.lines) {
    const word = lineWord(line);
    if (!allowed[decl.stage].includes(word)) {
      const span = line.kind === "setting" ? line.word.span : line.span;
      checker.report(
        "FSL5002",
        span,
        { kind: `${decl.stage} stage`, line: word },
        { help: suggest(word, allowed[decl.stage]) },
      );
      complete = false;
      continue;
    }
    const key = lineKey(line);
    const first = seen.get(key);
    if (first !== undefined) {
      checker.report("FSL5003", line.span, { line: key }, { labels: [{ span: first.span, text: "given here first" }] });
      complete = false;
      continue;
    }
    seen.set(key, line);
    lines.set(key, { line, scope });
  }
  // A slot that is restated is no longer taken over by an inherited `of`, and `of` replaces inherited slots.
  const restated = (slot: string): boolean => seen.has(slot) || seen.has("of");
  for (const slot of ["encoder", "head", "metric"]) {
    if (restated(slot) && !seen.has(`init ${slot}`)) lines.delete(`init ${slot}`);
  }
  if (seen.has("of") && !seen.has("init")) lines.delete("init");
  if (seen.has("of")) for (const slot of ["encoder", "head", "metric"]) if (!seen.has(slot)) lines.delete(slot);
  return { lines, complete };
}

/** The lines that a stage's misspelt words stand for: what is wrong with them has been said. */
export function intendedWords(decl: ast.StageDecl): ReadonlySet<string> {
  const words = [...decl.lines.map(lineWord), ...decl.unread.map((name) => name.text)];
  const known = allowed[decl.stage];
  return new Set(words.flatMap((word) => (known.includes(word) ? [] : (didYouMean(word, known) ?? []))));
}

export function findLine<K extends ast.StageLine["kind"]>(
  lines: StageLines,
  word: string,
  kind: K,
): ScopedLine<Extract<ast.StageLine, { kind: K }>> | undefined {
  const written = lines.get(word);
  if (written?.line.kind !== kind) return undefined;
  return written as ScopedLine<Extract<ast.StageLine, { kind: K }>>;
}

/** The `learn` lines, in the order in which they were first given. */
export function learnLines(lines: StageLines): ScopedLine<ast.LearnDecl>[] {
  return [...lines.values()].flatMap(({ line, scope }) => (line.kind === "learn" ? [{ line, scope }] : []));
}
