/** Episodes: how many ways, shots and queries, and whether the data have that many. */
import type * as ast from "../../../../grammar/ast.js";
import type { Dataset, GivenList, SplitRef, Task } from "../../typed/tree.js";
import type { Checker } from "../core/checker.js";
import type { Scope } from "../core/scope.js";
import { count, describe, type EpisodeValue, type Value } from "../core/values.js";
import { withDefaults } from "../expressions/arguments.js";
import { evaluate } from "../expressions/evaluate.js";

export interface TaskRow {
  /** `1 shot` of an `each`; empty where there is one row. */
  readonly label: string;
  readonly task: Task;
  /** A list of episodes in place of sampled ones, and how many it has. */
  readonly given?: { readonly list: GivenList; readonly episodes: number };
}
const parts = ["way", "shot", "query"] as const;

/** One task, or one per value of an `each`; of several, one per combination, the last varying fastest. */
export function elaborateEpisode(value: EpisodeValue, at: ast.Span): TaskRow[] | undefined {
  const { each, decl } = value;
  const scope = withDefaults(decl, value.scope, at);
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
    rows.push({ label: chosen.map(({ value: item }) => itemText(item)).join(", "), task });
  }
  return rows;
}

interface Choice {
  readonly name: string;
  readonly value: Value;
}

function itemText(item: Value): string {
  return item.kind === "int" && item.unit !== undefined ? count(item.value, item.unit) : describe(item);
}

export function elaborateTask(decl: ast.EpisodeDecl, scope: Scope): Task | undefined {
  const { checker } = scope;
  const found = new Map<string, { value: number; span: ast.Span }>();
  let complete = true;
  for (const part of decl.parts) {
    const value = evaluate(part, scope);
    if (value.kind === "anything") {
      complete = false;
      continue;
    }
    const unit = value.kind === "int" ? value.unit : undefined;
    if (value.kind !== "int" || unit === undefined || !parts.some((known) => known === unit)) {
      const elsewhere = value.span.start !== part.span.start || value.span.file !== part.span.file;
      checker.report(
        "FSL3010",
        part.span,
        { what: "a part of an episode", expected: "way, shot or query", found: describe(value) },
        { labels: elsewhere ? [{ span: value.span, text: "given here" }] : [] },
      );
      complete = false;
      continue;
    }
    const first = found.get(unit);
    if (first !== undefined) {
      checker.report(
        "FSL5007",
        part.span,
        { what: `this episode says its ${unit} twice` },
        { labels: [{ span: first.span, text: "here first" }] },
      );
      complete = false;
      continue;
    }
    const least = unit === "way" ? 2 : 1;
    if (value.value < least) {
      checker.report("FSL5008", part.span, {
        what: `the number of ${unit === "query" ? "queries" : `${unit}s`}`,
        range: `at least ${least}`,
        found: value.value,
      });
      complete = false;
      continue;
    }
    found.set(unit, { value: value.value, span: part.span });
  }
  const missing = parts.filter((unit) => !found.has(unit));
  if (complete && missing.length > 0) {
    checker.report("FSL5007", decl.name.span, {
      what: `the episode \`${decl.name.text}\` does not say how many ${missing.map((unit) => (unit === "query" ? "queries" : `${unit}s`)).join(" and ")}`,
    });
    complete = false;
  }
  if (!complete) return undefined;
  const of = (unit: string): number => found.get(unit)?.value ?? 0;
  return { way: of("way"), shot: of("shot"), query: of("query") };
}

/** Returns whether the split has enough classes and images for the task, or true if the data are not available. Reports FSL5004 and FSL5005. */
export function splitHoldsTask(
  task: Task,
  { split, dataset }: { readonly split: SplitRef; readonly dataset: Dataset },
  at: { readonly task: ast.Span; readonly declared: ast.Span },
  checker: Checker,
): boolean {
  const facts = dataset.facts?.splits[split.split];
  if (facts === undefined) return true;
  const name = `${dataset.name}.${split.split}`;
  const { way, shot, query } = task;
  const labels = [{ span: at.declared, text: `${way} way, ${shot} shot, ${query} query` }];
  if (way > facts.classes) {
    checker.report("FSL5004", at.task, { way, split: name, classes: facts.classes }, { labels });
    return false;
  }
  const need = shot + query;
  if (need > facts.smallest.images) {
    const left = facts.smallest.images - shot;
    checker.report(
      "FSL5005",
      at.task,
      {
        task: `${way} way ${shot} shot ${query} query`,
        need,
        class: facts.smallest.name,
        split: name,
        images: facts.smallest.images,
      },
      { labels, help: left > 0 ? [`with ${shot} shot at most ${left} quer${left === 1 ? "y fits" : "ies fit"}`] : [] },
    );
    return false;
  }
  return true;
}
