/** The lines of a stage and of the stages that it is `like`. */
import type * as ast from "../../../../grammar/ast.js";
import { adviceForKey, lineForKey } from "../../../../grammar/habits/keys.js";
import { didYouMean, suggest } from "../../../common/did-you-mean.js";
import type { Scope } from "../core/scope.js";

import { isReportName, stepReports } from "./report-names.js";

/** A line with the scope that it was written in: a line of `like` may be of another module. */
export interface ScopedLine<L extends ast.StageLine = ast.StageLine> {
  readonly line: L;
  readonly scope: Scope;
}
/** The lines of a stage by their keys. */
export type StageLines = ReadonlyMap<string, ScopedLine>;

const training = ["loss", "optimizer", "schedule", "for", "validate", "patience", "ema", "report"];
const allowed: Readonly<Record<ast.StageDecl["stage"], readonly string[]>> = {
  pretrain: ["data", "views", "encoder", "head", "metric", "of", "learn", ...training, "init"],
  meta: ["encoder", "metric", "of", "episodes", ...training, "fit from", "init"],
  evaluate: ["encoder", "metric", "of", "episodes", "report", "fit from", "init"],
};

/** Returns the word that a line begins with. */
export function lineWord(line: ast.StageLine): string {
  if (line.kind === "slot") return line.slot;
  if (line.kind === "fitFrom") return "fit from";
  return line.kind === "setting" ? line.word.text : line.kind;
}

/** Returns the key of a line: its word, with the names of a `learn` and the slot of an `init`, which may stand several times. */
function lineKey(line: ast.StageLine): string {
  if (line.kind === "init" && line.slot !== undefined) return `init ${line.slot.text}`;
  return line.kind === "learn" ? `learn ${line.names.map((name) => name.text).join(", ")}` : lineWord(line);
}

/** Returns the inherited lines with those of the stage in their place. Reports FSL5002 for a line that this kind of stage lacks, FSL5003 for a second one. */
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
      const before = decl.lines[decl.lines.indexOf(line) - 1];
      if (before?.kind === "report" && (isReportName(word) || stepReports.some((report) => report === word))) {
        checker.report(
          "FSL1012",
          { ...span, start: before.span.end, end: before.span.end },
          {},
          { help: [`write \`, ${word}\``] },
        );
        complete = false;
        continue;
      }
      checker.report(
        "FSL5002",
        span,
        { kind: `${decl.stage} stage`, line: word },
        { help: lineForKey(word) === undefined ? suggest(word, allowed[decl.stage]) : [adviceForKey(word)] },
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
  // A slot that the stage writes is not taken over by an inherited `of`, and an `of` that it writes replaces inherited slots.
  const restated = (slot: string): boolean => seen.has(slot) || seen.has("of");
  for (const slot of ["encoder", "head", "metric"]) {
    if (restated(slot) && !seen.has(`init ${slot}`)) lines.delete(`init ${slot}`);
  }
  if (seen.has("of") && !seen.has("init")) lines.delete("init");
  if (seen.has("of")) for (const slot of ["encoder", "head", "metric"]) if (!seen.has(slot)) lines.delete(slot);
  return { lines, complete };
}

/** Returns the words that misspelt lines of a stage, and settings of configuration files, stand for. They have been reported as misspelt, so they are not missing. */
export function intendedWords(decl: ast.StageDecl): ReadonlySet<string> {
  const words = [...decl.lines.map(lineWord), ...decl.unread.map((name) => name.text)];
  const known = allowed[decl.stage];
  return new Set(
    words.flatMap((word) => (known.includes(word) ? [] : (lineForKey(word) ?? didYouMean(word, known) ?? []))),
  );
}

/** Returns the line with this key, or undefined if the stage has none of this kind. */
export function findLine<K extends ast.StageLine["kind"]>(
  lines: StageLines,
  word: string,
  kind: K,
): ScopedLine<Extract<ast.StageLine, { kind: K }>> | undefined {
  const written = lines.get(word);
  if (written?.line.kind !== kind) return undefined;
  return written as ScopedLine<Extract<ast.StageLine, { kind: K }>>;
}

/** Returns the `learn` lines in the order in which they were first written. */
export function learnLines(lines: StageLines): ScopedLine<ast.LearnDecl>[] {
  return [...lines.values()].flatMap(({ line, scope }) => (line.kind === "learn" ? [{ line, scope }] : []));
}
