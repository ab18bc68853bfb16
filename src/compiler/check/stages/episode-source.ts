/** The episodes of a stage: sampled for one task or several, or read from a list in a file. */
import type * as ast from "../../../../grammar/ast.js";
import type { Checker } from "../core/checker.js";
import type { Scope } from "../core/scope.js";
import { describe } from "../core/values.js";
import { asksForAll, elaborateEpisode, sizedTask, splitHoldsTask, type TaskRow } from "../data/episodes.js";
import { evaluate } from "../expressions/evaluate.js";
import type { StageContext } from "./context.js";
import { type ResolvedSplit, resolveSplit } from "./splits.js";

export interface EpisodeSource extends ResolvedSplit {
  /** One row per task. A training stage without `any` has one. */
  readonly rows: readonly TaskRow[];
  /** The other splits of `from any [a.train, b.train]`. */
  readonly more: readonly ResolvedSplit[];
  readonly span: ast.Span;
}

/** The task and the split of an `episodes` or `validate` line, in the scope of the line. */
export interface WrittenEpisodes {
  readonly task: ast.Expr;
  readonly split: ast.Expr;
  readonly scope: Scope;
}

/** Returns the task that a training stage poses, those of `any`, or that of a list in a file. Reports FSL5027 for a task with `each`. */
export function resolveTrainingEpisodes(written: WrittenEpisodes, context: StageContext): EpisodeSource | undefined {
  return resolveEpisodes(written, { several: "any", list: true }, context);
}

/** Returns the one task that a training stage validates with. Its episodes are sampled. Reports FSL5027 for a task with `each`. */
export function resolveValidationEpisodes(written: WrittenEpisodes, context: StageContext): EpisodeSource | undefined {
  return resolveEpisodes(written, { several: undefined, list: false }, context);
}

/** Returns the tasks that an evaluation poses: one, one per value of an `each`, or that of a list of episodes in a file. */
export function resolveTestEpisodes(written: WrittenEpisodes, context: StageContext): EpisodeSource | undefined {
  return resolveEpisodes(written, { several: "each", list: true }, context);
}

function resolveEpisodes(
  { task, split, scope }: WrittenEpisodes,
  allowed: { readonly several: "each" | "any" | undefined; readonly list: boolean },
  { datasets }: StageContext,
): EpisodeSource | undefined {
  const { checker } = scope;
  const value = evaluate(task, scope);
  const splits = allowed.several === "any" ? anyOf(split) : [split];
  const [from, ...more] = splits.map((each) => resolveSplit(each, scope, datasets));
  if (value.kind === "anything") return undefined;
  if (value.kind === "text" && allowed.list && more.length === 0) {
    if (from === undefined || !checker.allowsPath(value.value, value.span)) return undefined;
    return listedEpisodes(value.value, task.span, from, scope);
  }
  if (value.kind !== "episode") {
    const help = value.kind === "text" ? ["only an `episodes` line takes a list from a file"] : [];
    checker.report("FSL2019", task.span, { needed: "an episode", found: describe(value) }, { help });
    return undefined;
  }
  const rows = elaborateEpisode(value, task.span);
  if (rows === undefined || from === undefined) return undefined;
  const others = more.flatMap((other) => other ?? []);
  if (others.length < more.length) return undefined;
  const wrong = value.each.find(({ word }) => word !== allowed.several);
  if (wrong !== undefined) {
    reportSeveral(wrong.word, allowed.several, task.span, scope);
    return undefined;
  }
  if (rows.length * splits.length > mostKinds && allowed.several === "any") {
    const what = `\`any\` makes ${rows.length * splits.length} kinds of episodes, and a training may have ${mostKinds}`;
    checker.report("FSL5027", task.span, { what }, { help: ["each kind is a program of its own; list fewer values"] });
    return undefined;
  }
  const at = { task: task.span, declared: value.decl.name.span };
  if (rows.some((row) => asksForAll(row.task))) {
    if (allowed.several === "each") return wholeEpisodes(rows, from, at, checker);
    checker.report("FSL5077", task.span, {
      why: "only an evaluation has episodes of all classes or images of a split",
    });
    return undefined;
  }
  const held = rows.flatMap((row) => [from, ...others].map((one) => splitHoldsTask(row.task, one, at, checker)));
  return held.every(Boolean) ? { rows, ...from, more: others, span: task.span } : undefined;
}

/** Returns tasks with the numbers of the split in place of `all`, or undefined after a report. */
function wholeEpisodes(
  rows: readonly TaskRow[],
  from: ResolvedSplit,
  at: { readonly task: ast.Span; readonly declared: ast.Span },
  checker: Checker,
): EpisodeSource | undefined {
  const sized = rows.map((row): TaskRow => {
    const whole = row.task.query === Number.POSITIVE_INFINITY;
    const isEveryClass = row.task.way === Number.POSITIVE_INFINITY;
    return { ...row, ...sizedTask(row.task, from), isEveryClass, ...(whole ? { whole } : {}) };
  });
  const drawn = sized.find(
    ({ task: { unlabeled, dirichlet }, whole }) => whole === true && (unlabeled ?? dirichlet) !== undefined,
  );
  if (drawn !== undefined) {
    const isUnlabeled = drawn.task.unlabeled !== undefined;
    const why = isUnlabeled ? "`all query` leaves no image without a label" : "`all query` leaves no numbers to draw";
    checker.report("FSL5077", at.task, { why });
    return undefined;
  }
  const held = sized.map((row) => splitHoldsTask(row.task, from, at, checker, row.whole));
  return held.every(Boolean) ? { rows: sized, ...from, more: [], span: at.task } : undefined;
}

/** The most kinds of episodes of a training. Each is compiled. */
const mostKinds = 64;

/** Returns the splits of `any [a.train, b.train]`, or the one that is written. */
function anyOf(split: ast.Expr): readonly ast.Expr[] {
  return split.kind === "each" && split.word === "any" && split.items.length > 0 ? split.items : [split];
}

/** Reports FSL5027 for tasks that are given by a word of other stages. */
function reportSeveral(
  word: "each" | "any",
  allowed: "each" | "any" | undefined,
  span: ast.Span,
  { checker }: Scope,
): void {
  if (word === "each") {
    const help = allowed === "any" ? ["write `any` if each step is to take one of them at random"] : [];
    checker.report("FSL5027", span, { what: "a training stage has one task, and `each` makes several" }, { help });
  } else {
    const what = "`any` is for the steps of a training, which take one of the values at random";
    const help = allowed === "each" ? ["write `each` for a row of results for each value"] : [];
    checker.report("FSL5027", span, { what }, { help });
  }
}

/** Returns the episodes of `episodes "episodes.json" from birds.test`, whose list fixes the task. Reports FSL5060 if it cannot be used. */
function listedEpisodes(path: string, span: ast.Span, from: ResolvedSplit, scope: Scope): EpisodeSource | undefined {
  const { checker } = scope;
  const list = checker.files?.episodes(path) ?? { problem: "it cannot be read here", place: undefined };
  if ("problem" in list) {
    const labels = list.place === undefined ? [] : [{ span: { file: path, ...list.place }, text: "" }];
    checker.report("FSL5060", span, { path, why: list.problem }, { labels });
    return undefined;
  }
  const { task, episodes, digest } = list;
  if (!splitHoldsTask(task, from, { task: span, declared: span }, checker)) return undefined;
  return { rows: [{ label: "", task, given: { list: { path, digest, span }, episodes } }], ...from, more: [], span };
}

/** The most episodes of an evaluation. Their scores are all kept, and the interval of so many is far below a tenth of a point. */
const mostEpisodes = 1_000_000;

const defaultEpisodes = 600;

/** Returns the number of episodes that are written, or 600 if none is. Reports FSL3010 and FSL5008. */
export function episodeCount(expr: ast.Expr | undefined, scope: Scope): number | undefined {
  if (expr === undefined) return defaultEpisodes;
  const { checker } = scope;
  const value = evaluate(expr, scope);
  if (value.kind === "anything") return undefined;
  if (value.kind !== "int" || value.unit !== "episode") {
    const holes = { what: "how many there are", expected: "episodes", found: describe(value) };
    checker.report("FSL3010", expr.span, holes);
    return undefined;
  }
  if (value.value < 2 || value.value > mostEpisodes) {
    const range = value.value < 2 ? "at least 2 (an interval needs two)" : `at most ${mostEpisodes}`;
    checker.report("FSL5008", expr.span, { what: "the number of episodes", range, found: value.value });
    return undefined;
  }
  return value.value;
}
