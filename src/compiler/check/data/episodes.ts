/** Elaborates episodes: the numbers of ways, shots and queries, and whether a split has that many classes and images. */
import type * as ast from "../../../../grammar/ast.js";
import { largestClass } from "../../typed/splits.js";
import { classesIn, imagesOfClass, plainTask } from "../../typed/tasks.js";
import type { Dataset, ListedEpisodes, SplitRef, Task } from "../../typed/tree.js";
import type { Checker } from "../core/checker.js";
import type { Scope } from "../core/scope.js";
import { count, describe, type EpisodeValue, type Value } from "../core/values.js";
import { withDefaults } from "../expressions/arguments.js";
import { evaluate } from "../expressions/evaluate.js";

export interface TaskRow {
  /** The value of an `each`, such as `1 shot`, or empty without `each`. */
  readonly label: string;
  readonly task: Task;
  /** The list of episodes that is used instead of sampling. */
  readonly given?: ListedEpisodes;
  /** True if all images that are no supports are queries. */
  readonly whole?: boolean;
  /** True if all classes of the split are ways. */
  readonly isEveryClass?: boolean;
  /** False if numbers of the split are not known, so that others stand for them. */
  readonly isKnown?: boolean;
}
/** The most rows of an evaluation. They are counted before they are made: four lists of a hundred values would not fit into memory. */
const mostRows = 1000;
/** The parts that every episode has. */
const parts = ["way", "shot", "query"] as const;
/** The parts that an episode may have. */
const optionalParts = ["unlabeled", "distractor"] as const;

/**
 * Returns the tasks of an episode, or undefined after a report: one task, or one per value of an `each`. Several `each`
 * give one task per combination, in which the last varies fastest.
 */
export function elaborateEpisode(value: EpisodeValue, at: ast.Span): TaskRow[] | undefined {
  const { each, decl } = value;
  const scope = withDefaults(decl, value.scope, at);
  const combinations = each.reduce((product, { values }) => product * values.length, 1);
  if (combinations > mostRows) {
    const what = `its \`each\` make ${combinations} rows of results, and there may be ${mostRows}`;
    scope.checker.report("FSL5027", at, { what });
    return undefined;
  }
  const choices = each.reduce<readonly Choice[][]>(
    (before, { name, values }) => before.flatMap((chosen) => values.map((value) => [...chosen, { name, value }])),
    [[]],
  );
  const rows: TaskRow[] = [];
  for (const chosen of choices) {
    const row = chosen.length === 0 ? scope : scope.child();
    for (const { name, value: item } of chosen) row.define(name, item);
    const task = elaborateTask(decl, row);
    if (task === undefined) return undefined;
    rows.push({ label: chosen.map(itemText).join(", "), task });
  }
  return rows;
}

interface Choice {
  readonly name: string;
  readonly value: Value;
}

/** Returns `1 shot`, or the name of a parameter with its number, such as `strength 0.1`. */
function itemText({ name, value }: Choice): string {
  if (value.kind === "int" && value.unit !== undefined) return count(value.value, value.unit);
  return value.kind === "int" || value.kind === "real" ? `${name} ${value.value}` : describe(value);
}

type TaskUnit = (typeof parts | typeof optionalParts)[number] | "dirichlet";

/** Returns the task that the parts of an episode say, or undefined after a report. */
function elaborateTask(decl: ast.EpisodeDecl, scope: Scope): Task | undefined {
  const found = new Map<TaskUnit, CountedPart>();
  let valid = true;
  for (const part of decl.parts) {
    const counted = elaboratePart(part, found, scope);
    if (counted === undefined) valid = false;
    else found.set(counted.unit, counted);
  }
  if (!valid) return undefined;
  const [way, shot, query] = parts.map((unit) => found.get(unit)?.count);
  if (way !== undefined && shot !== undefined && query !== undefined) {
    const [unlabeled, distractor] = optionalParts.map((unit) => found.get(unit)?.count);
    const dirichlet = found.get("dirichlet");
    if (dirichlet !== undefined && unlabeled !== undefined) {
      const what = `the episode \`${decl.name.text}\` has unlabeled images, and its classes have different numbers of queries`;
      const help = ["drop one of the two: episodes with both are not drawn"];
      scope.checker.report("FSL5007", dirichlet.span, { what }, { help });
      return undefined;
    }
    if (distractor === undefined || unlabeled !== undefined)
      return plainTask({ way, shot, query, unlabeled, distractor, dirichlet: dirichlet?.count });
    const what = `the episode \`${decl.name.text}\` has distractor classes, and does not say how many images of each are unlabeled`;
    const help = ["add their number: `5 unlabeled`"];
    scope.checker.report("FSL5007", found.get("distractor")?.span ?? decl.name.span, { what }, { help });
    return undefined;
  }
  const missing = parts.filter((unit) => !found.has(unit)).map(unitsText);
  const what = `the episode \`${decl.name.text}\` does not say how many ${missing.join(" and ")}`;
  scope.checker.report("FSL5007", decl.name.span, { what });
  return undefined;
}

interface CountedPart {
  readonly unit: TaskUnit;
  readonly count: number;
  readonly span: ast.Span;
}

/** Returns one part of an episode. Reports another unit (FSL3010), a unit that stands twice (FSL5007) and a count that is too low (FSL5008). */
function elaboratePart(
  part: ast.Expr | ast.AllPart,
  before: ReadonlyMap<TaskUnit, CountedPart>,
  scope: Scope,
): CountedPart | undefined {
  const { checker } = scope;
  const { span } = part;
  if (part.kind === "call" && part.callee.kind === "ref" && part.callee.text === "dirichlet") {
    const concentration = elaborateConcentration(part, scope);
    return concentration === undefined || !isFirst("dirichlet", span, before, checker)
      ? undefined
      : { unit: "dirichlet", count: concentration, span };
  }
  if (part.kind === "allPart") return elaborateAll(part, before, checker);
  const value = evaluate(part, scope);
  if (value.kind === "anything") return undefined;
  const unit = value.kind === "int" ? [...parts, ...optionalParts].find((each) => each === value.unit) : undefined;
  if (value.kind !== "int" || unit === undefined) {
    const isElsewhere = value.span.start !== span.start || value.span.file !== span.file;
    const holes = {
      what: "a part of an episode",
      expected: "way, shot, query, unlabeled or distractor",
      found: describe(value),
    };
    checker.report("FSL3010", span, holes, { labels: isElsewhere ? [{ span: value.span, text: "given here" }] : [] });
    return undefined;
  }
  if (!isFirst(unit, span, before, checker)) return undefined;
  // Nothing can be told apart with one class. Without shots, a method knows the classes by their descriptions.
  const least = unit === "way" ? 2 : unit === "shot" ? 0 : 1;
  if (value.value < least) {
    const holes = { what: `the number of ${unitsText(unit)}`, range: `at least ${least}`, found: value.value };
    checker.report("FSL5008", span, holes);
    return undefined;
  }
  return { unit, count: value.value, span };
}

/** Returns whether a part stands for the first time. Reports FSL5007 if it does not. */
function isFirst(
  unit: TaskUnit,
  span: ast.Span,
  before: ReadonlyMap<TaskUnit, CountedPart>,
  checker: Checker,
): boolean {
  const first = before.get(unit);
  if (first === undefined) return true;
  const labels = [{ span: first.span, text: "here first" }];
  checker.report("FSL5007", span, { what: `this episode says its ${unit} twice` }, { labels });
  return false;
}

/** Returns the number of `dirichlet(2.0)`. Reports FSL3009 for anything else and FSL5008 for a number out of range. */
function elaborateConcentration({ args, span }: ast.CallExpr, scope: Scope): number | undefined {
  const [given, more] = args;
  const what = "the concentration of `dirichlet`";
  const value = given === undefined || more !== undefined ? undefined : evaluate(given.value, scope);
  if (value?.kind === "anything") return undefined;
  if (value === undefined || (value.kind !== "real" && (value.kind !== "int" || value.unit !== undefined))) {
    const found = value === undefined ? `${args.length} values` : describe(value);
    scope.checker.report("FSL3009", given?.span ?? span, { what, expected: "one number", found });
    return undefined;
  }
  // Below, the draws of a double-precision number underflow; above, the classes are balanced but for rounding.
  if (value.value >= 0.01 && value.value <= 1000) return value.value;
  scope.checker.report("FSL5008", given?.span ?? span, { what, range: "from 0.01 to 1000", found: value.value });
  return undefined;
}

/** Returns `all way` or `all query` with an infinite count, which the split decides later. Reports FSL5007 for another unit and for a second one. */
function elaborateAll(
  { unit: { text }, span }: ast.AllPart,
  before: ReadonlyMap<TaskUnit, CountedPart>,
  checker: Checker,
): CountedPart | undefined {
  const unit = (["way", "query"] as const).find((each) => text === each || text === `${each}s`);
  if (unit === undefined || before.has(unit)) {
    const twice = `this episode says its ${unit ?? text} twice`;
    const what = unit === undefined ? `\`all\` goes with way and query, not with \`${text}\`` : twice;
    checker.report("FSL5007", span, { what });
    return undefined;
  }
  return { unit, count: Number.POSITIVE_INFINITY, span };
}

/** They stand for the classes of a split and for the images of its largest class while the data are not available. They are primes. */
const unknownSplit = { classes: 97, largest: 101 };

/** Returns true if a task asks for all classes or images of its split. */
export function asksForAll({ way, query }: Task): boolean {
  return way === Number.POSITIVE_INFINITY || query === Number.POSITIVE_INFINITY;
}

/** Returns a task with the numbers of a split in place of `all`, and whether they are known. */
export function sizedTask(task: Task, { split, dataset }: { readonly split: SplitRef; readonly dataset: Dataset }) {
  const facts = dataset.facts?.splits[split.split];
  const largest = facts === undefined ? undefined : largestClass(facts);
  const { classes } = facts ?? unknownSplit;
  const isAll = (count: number): boolean => count === Number.POSITIVE_INFINITY;
  return {
    task: {
      ...task,
      way: isAll(task.way) ? classes : task.way,
      query: isAll(task.query) ? (largest ?? unknownSplit.largest) - task.shot : task.query,
    },
    isKnown: (!isAll(task.way) || facts !== undefined) && (!isAll(task.query) || largest !== undefined),
  };
}

function unitsText(unit: TaskUnit): string {
  if (unit === "unlabeled") return "unlabeled images";
  return unit === "query" ? "queries" : `${unit}s`;
}

/** Returns a task as experiments write it: `5 way, 1 shot, 15 query`. */
const partsText = (task: Task): string =>
  [...parts, ...optionalParts]
    .flatMap((unit) => (task[unit] === undefined ? [] : [count(task[unit], unit)]))
    .join(", ");

/** Returns whether the split has enough classes and images for the task, or true if the data are not available. Reports FSL5004 and FSL5005. */
export function splitHoldsTask(
  task: Task,
  { split, dataset }: { readonly split: SplitRef; readonly dataset: Dataset },
  at: { readonly task: ast.Span; readonly declared: ast.Span },
  checker: Checker,
  whole = false,
): boolean {
  const facts = dataset.facts?.splits[split.split];
  if (facts === undefined) return true;
  const name = `${dataset.name}.${split.split}`;
  const { way, shot, distractor } = task;
  const seen = dataset.facts?.seen ?? [];
  const written = partsText(task);
  const labels = [{ span: at.declared, text: written }];
  const classes = classesIn(task);
  if (classes > facts.classes) {
    const what = distractor === undefined ? `${way} way` : `${way} way with ${distractor} distractor`;
    checker.report(
      "FSL5004",
      at.task,
      { what, need: classes, split: name, classes: facts.classes },
      { labels, help: seen },
    );
    return false;
  }
  const need = whole ? task.shot + 1 : imagesOfClass(task);
  if (need > facts.smallest.images) {
    const left = facts.smallest.images - need + task.query;
    checker.report(
      "FSL5005",
      at.task,
      {
        task: written.replaceAll(",", ""),
        need,
        class: facts.smallest.name,
        split: name,
        images: facts.smallest.images,
      },
      {
        labels,
        help: [
          ...(left > 0 ? [`with ${shot} shot at most ${left} quer${left === 1 ? "y fits" : "ies fit"}`] : []),
          ...seen,
        ],
      },
    );
    return false;
  }
  return true;
}
