/** Parses a text into its syntax tree. Parsing never throws: `errors` lists the mistakes of the text, and the tree holds the rest. */
import type { CstNode, IRecognitionException, IToken } from "chevrotain";
import type { Declaration, Import, SourceFile, Span } from "./ast.js";
import { balance, maxDepth, tooDeep } from "./balance.js";
import { Builder, nodes, placeEmptyNodes, token, tokens } from "./build/cst.js";
import { buildDeclaration, buildImport, buildSweep } from "./build/declarations.js";
import { noteRepeats } from "./build/repeats.js";
import { expectation } from "./expectation.js";
import { replaceHabits } from "./habits.js";
import { fixHeads } from "./heads.js";
import type { SyntaxIssue, Trivia } from "./issue.js";
import { endOf, lex } from "./lex.js";
import { type FslParser, recoveringParser, strictParser } from "./parser.js";
import * as t from "./tokens.js";

export type { Comment, IssueKind, SyntaxIssue, Trivia } from "./issue.js";

export interface Parsed {
  readonly tree: SourceFile;
  /** The mistakes, in the order of the text. */
  readonly errors: readonly SyntaxIssue[];
  readonly trivia: Trivia;
  /** The concrete tree, for `--emit cst`. */
  readonly cst: CstNode | undefined;
}

/** `file` goes into every span: a project-relative path, or a library name such as `fsl:metrics`. */
export function parse(text: string, file: string): Parsed {
  const lexed = lex(text, file);
  const headed = fixHeads(lexed.tokens, file);
  const balanced = balance(headed.tokens, file);
  const issues = [...lexed.issues, ...headed.issues, ...balanced.issues];
  const whole: Span = { file, start: 0, end: text.length };
  const deep = tooDeep(balanced.tokens);
  if (deep !== undefined) {
    const span = { file, start: deep.startOffset, end: endOf(deep) };
    const errors = [...issues, { kind: "too-deep" as const, span, found: deep.image, expected: `${maxDepth}` }];
    const tree: SourceFile = {
      kind: "file",
      version: undefined,
      versionSpan: undefined,
      imports: [],
      sweeps: [],
      declarations: [],
      span: whole,
    };
    return { tree, errors, trivia: lexed.trivia, cst: undefined };
  }
  const strict = read(strictParser(), balanced.tokens, file, whole);
  const wrong = strict.errors.length > 0 || strict.strays.length > 0;
  const habits = wrong || strict.issues.length > 0 ? replaceHabits(balanced.tokens, file) : undefined;
  const foreign = habits?.issues ?? [];
  const result =
    wrong || foreign.length > 0 ? read(recoveringParser(), habits?.tokens ?? balanced.tokens, file, whole) : strict;
  const general = [
    ...result.errors.map((error) => issueOf(error, file, text)),
    // A skipped closer of no width was put in by `balance`, which has noted its opener already.
    ...result.strays
      .filter(({ token: stray }) => stray.image !== "")
      .map(({ token: stray, kind }): SyntaxIssue => {
        const span = { file, start: stray.startOffset, end: endOf(stray) };
        return { kind, span, found: stray.image, expected: "" };
      }),
  ];
  const errors = firstOfEachLine([...issues, ...foreign, ...result.issues], general, text);
  return { tree: result.tree, errors, trivia: lexed.trivia, cst: result.cst };
}

/** Makes the parser now; otherwise the first call of `parse` makes it. */
export function prepareParser(): void {
  strictParser();
}

/** The tree of tokens, and everything that was found wrong with them. */
interface Read {
  readonly tree: SourceFile;
  readonly cst: CstNode;
  readonly errors: readonly IRecognitionException[];
  readonly strays: FslParser["strays"];
  readonly issues: readonly SyntaxIssue[];
}

function read(parser: FslParser, tokens: IToken[], file: string, whole: Span): Read {
  parser.input = tokens;
  const cst = parser.file();
  placeEmptyNodes(cst);
  const builder = new Builder(file);
  const tree = buildFile(builder, cst, whole);
  return { tree, cst, errors: [...parser.errors], strays: [...parser.strays], issues: builder.issues };
}

function buildFile(b: Builder, cst: CstNode, span: Span): SourceFile {
  const version = token(cst, t.NumberToken.name);
  const word = token(cst, t.words.fsl.name);
  const versionSpan = version && b.from((word ?? version).startOffset, endOf(version));
  noteRepeats(b, tokens(cst, t.Unit.name), 0);
  const imports: Import[] = nodes(cst, "importLine").map((line) => buildImport(b, line));
  const sweeps = nodes(cst, "sweepLine").map((line) => buildSweep(b, line));
  const declarations = nodes(cst, "declaration").flatMap((item): Declaration[] => {
    const built = buildDeclaration(b, item);
    return built !== undefined ? [built] : [];
  });
  return { kind: "file", version: version && Number(version.image), versionSpan, imports, sweeps, declarations, span };
}

function issueOf(error: IRecognitionException, file: string, text: string): SyntaxIssue {
  const found = error.token;
  const previous = (error as IRecognitionException & { readonly previousToken?: IToken }).previousToken;
  const atEnd = found.tokenType.name === "EOF" || Number.isNaN(found.startOffset);
  const after = previous !== undefined && !Number.isNaN(previous.startOffset) ? endOf(previous) : text.length;
  const span: Span = atEnd ? { file, start: after, end: after } : { file, start: found.startOffset, end: endOf(found) };
  return { kind: "unexpected", span, found: atEnd ? "" : found.image, expected: expectation(error) };
}

/** The kinds of issues that often only follow from an earlier mistake on the same line. */
const echoes: ReadonlySet<SyntaxIssue["kind"]> = new Set([
  "unexpected",
  "no-value",
  "second-value",
  "not-a-declaration",
]);

/**
 * Drops the issues that only follow from others: keeps one general issue for each line of text, and none on a line that has a
 * more specific issue.
 */
function firstOfEachLine(
  specific: readonly SyntaxIssue[],
  general: readonly SyntaxIssue[],
  text: string,
): SyntaxIssue[] {
  const starts = [0];
  for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) starts.push(i + 1);
  const lineOf = (offset: number): number => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const kept: SyntaxIssue[] = [];
  const foreign = new Set<number>();
  for (const issue of specific) if (issue.kind === "foreign-form") foreign.add(lineOf(issue.span.start));
  const said = new Set<number>();
  const taken = new Set<number>(foreign);
  const unclosed = new Set<number>();
  const seen = new Set<string>();
  const order = (a: SyntaxIssue, b: SyntaxIssue): number => a.span.start - b.span.start;
  for (const issue of [...specific].sort(order)) {
    const key = `${issue.kind} ${issue.span.start}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const line = lineOf(issue.span.start);
    // A habit of another language explains everything on its line.
    if (foreign.has(line) && (issue.kind !== "foreign-form" || said.has(line))) continue;
    if (issue.kind === "foreign-form") said.add(line);
    const echo = (echoes.has(issue.kind) && taken.has(line)) || (issue.kind === "missing-comma" && unclosed.has(line));
    if (echo) continue;
    taken.add(line);
    if (issue.kind === "unclosed") unclosed.add(line);
    if (issue.other !== undefined) taken.add(lineOf(issue.other.span.start));
    kept.push(issue);
  }
  for (const issue of [...general].sort(order)) {
    const line = lineOf(issue.span.start);
    if (taken.has(line)) continue;
    taken.add(line);
    kept.push(issue);
  }
  return kept.sort(order);
}
