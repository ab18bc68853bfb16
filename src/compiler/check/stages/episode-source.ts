/** Where the episodes and images of a stage come from, and whether they may. */
import type * as ast from "../../../../grammar/ast.js";
import type { Dataset, SplitRef, Validation } from "../../typed/tree.js";
import { type Reported, reported } from "../core/reported.js";
import type { Scope } from "../core/scope.js";
import { describe } from "../core/values.js";
import { checkSplit, type Datasets } from "../data/datasets.js";
import { elaborateEpisode, splitHoldsTask, type TaskRow } from "../data/episodes.js";
import { evaluate } from "../expressions/evaluate.js";
import { oneValue, type StageContext } from "./context.js";
import { findLine } from "./stage-lines.js";

interface EpisodeSource {
  readonly rows: readonly TaskRow[];
  readonly split: SplitRef;
  readonly dataset: Dataset;
  readonly span: ast.Span;
}

export function resolveSplit(
  expr: ast.Expr,
  scope: Scope,
  datasets: Datasets,
): { split: SplitRef; dataset: Dataset } | undefined {
  const value = evaluate(expr, scope);
  if (value.kind === "anything") return undefined;
  if (value.kind !== "split") {
    const help = value.kind === "dataset" ? [`\`${value.decl.name.text}.train\`, \`.val\` or \`.test\``] : [];
    scope.checker.report("FSL2019", expr.span, { needed: "a split of a dataset", found: describe(value) }, { help });
    return undefined;
  }
  const dataset = datasets.of(value.dataset, expr.span);
  if (dataset === undefined) return undefined;
  const split = checkSplit({ ...value, span: expr.span }, dataset, scope.checker);
  return split === undefined ? undefined : { split, dataset };
}

export function resolveEpisodes(
  task: ast.Expr,
  split: ast.Expr,
  scope: Scope,
  datasets: Datasets,
  onlyOne: boolean,
): EpisodeSource | undefined {
  const { checker } = scope;
  const value = evaluate(task, scope);
  const from = resolveSplit(split, scope, datasets);
  if (value.kind === "anything") return undefined;
  if (value.kind === "text" && !onlyOne) return from && listedEpisodes(value.value, task.span, from, scope);
  if (value.kind !== "episode") {
    checker.report("FSL2019", task.span, { needed: "an episode", found: describe(value) });
    return undefined;
  }
  const rows = elaborateEpisode(value, task.span);
  if (rows === undefined || from === undefined) return undefined;
  if (onlyOne && value.each.length > 0) {
    checker.report("FSL5027", task.span, { what: "a training stage has one task, and `each` makes several" });
    return undefined;
  }
  const fits = rows.map((row) =>
    splitHoldsTask(row.task, from.split, from.dataset, { task: task.span, declared: value.decl.name.span }, checker),
  );
  return fits.every(Boolean) ? { rows, ...from, span: task.span } : undefined;
}

/** `episodes "episodes.json" from birds.test`: the list fixes the task. */
function listedEpisodes(
  path: string,
  span: ast.Span,
  from: { readonly split: SplitRef; readonly dataset: Dataset },
  scope: Scope,
): EpisodeSource | undefined {
  const { checker } = scope;
  const list = checker.files?.episodes(path) ?? { problem: "it cannot be read here", place: undefined };
  if ("problem" in list) {
    const labels = list.place === undefined ? [] : [{ span: { file: path, ...list.place }, text: "" }];
    checker.report("FSL5060", span, { path, why: list.problem }, { labels });
    return undefined;
  }
  const { task, episodes, digest } = list;
  if (!splitHoldsTask(task, from.split, from.dataset, { task: span, declared: span }, checker)) return undefined;
  return { rows: [{ label: "", task, given: { list: { path, digest, span }, episodes } }], ...from, span };
}

/** All episodes of an evaluation are kept with their scores; the interval of so many is far below a tenth of a point. */
const mostEpisodes = 1_000_000;

export function episodeCount(expr: ast.Expr | undefined, otherwise: number, scope: Scope): number | undefined {
  if (expr === undefined) return otherwise;
  const value = evaluate(expr, scope);
  if (value.kind === "anything") return undefined;
  if (value.kind !== "int" || value.unit !== "episode") {
    scope.checker.report("FSL3010", expr.span, {
      what: "how many there are",
      expected: "episodes",
      found: describe(value),
    });
    return undefined;
  }
  if (value.value < 2 || value.value > mostEpisodes) {
    scope.checker.report("FSL5008", expr.span, {
      what: "the number of episodes",
      range: value.value < 2 ? "at least 2 (an interval needs two)" : `at most ${mostEpisodes}`,
      found: value.value,
    });
    return undefined;
  }
  return value.value;
}

export function isNotTestSplit(
  { split, dataset }: { split: SplitRef; dataset: Dataset },
  use: string,
  context: StageContext,
): boolean {
  if (split.split !== "test") return true;
  const { scope, decl } = context;
  scope.checker.report("FSL5024", split.span, { kind: decl.stage, use, split: `${dataset.name}.test` });
  return false;
}

export function stageValidation(
  context: StageContext,
): { validation: Validation; dataset: Dataset } | undefined | Reported {
  const written = findLine(context.lines, "validate", "validate");
  if (written === undefined) return stagePatience(context, undefined) === undefined ? undefined : reported;
  const { line, scope } = written;
  const from = resolveEpisodes(line.task, line.split, scope, context.datasets, true);
  const episodes = episodeCount(line.count, 600, scope);
  const every = line.every === undefined ? undefined : evaluate(line.every, scope);
  let everyEpochs = 1;
  if (every !== undefined && every.kind !== "anything") {
    if (every.kind !== "int" || every.unit !== "epoch" || every.value < 1) {
      scope.checker.report("FSL3010", line.every?.span ?? line.span, {
        what: "how often to validate",
        expected: "epochs",
        found: describe(every),
      });
      return reported;
    }
    everyEpochs = every.value;
  }
  const row = from?.rows[0];
  if (from === undefined || row === undefined || episodes === undefined) return reported;
  if (!isNotTestSplit(from, "validate on", context)) return reported;
  const patience = stagePatience(context, everyEpochs);
  if (patience === reported) return reported;
  const typed: Validation = { task: row.task, split: from.split, episodes, everyEpochs, keepBest: line.keepBest };
  return { validation: patience === undefined ? typed : { ...typed, patience }, dataset: from.dataset };
}

/** `patience 10 epochs`: how long training goes on without a better validation. */
function stagePatience(context: StageContext, every: number | undefined): number | undefined | Reported {
  const written = findLine(context.lines, "patience", "setting");
  if (written === undefined) return undefined;
  const { decl } = context;
  const { line, scope } = written;
  const value = oneValue(written, "how long to wait");
  if (value === undefined) return reported;
  if (value.kind !== "int" || value.unit !== "epoch") {
    const found = describe(value);
    scope.checker.report("FSL3010", value.span, { what: "how long to wait", expected: "epochs", found });
    return reported;
  }
  if (every === undefined) {
    const help = ["`patience` waits for a better validation: `validate task from birds.val, keep best`"];
    scope.checker.report("FSL5001", line.span, { kind: decl.stage, stage: decl.name.text, line: "validate" }, { help });
    return reported;
  }
  if (value.value < every) {
    const range = `at least ${every}, the epochs between two validations`;
    scope.checker.report("FSL5008", value.span, { what: "`patience`", range, found: value.value });
    return reported;
  }
  return value.value;
}
