/** The `sweep` lines of the root file: the values of parameters, and the seeds, with which one run computes. */
import type * as ast from "../../../grammar/ast.js";
import type { Checker } from "../check/core/checker.js";
import type { Scope } from "../check/core/scope.js";
import { evaluate } from "../check/expressions/evaluate.js";
import { type FileSweep, noSweep, seedAxis } from "../typed/sweep.js";
import type { Given } from "./params.js";

/** Returns the lines that give values to parameters which `given` does not give. A second line of one name is left out. */
function linesToUse(tree: ast.SourceFile, given: ReadonlyMap<string, Given>): ast.SweepLine[] {
  const first = new Map([...tree.sweeps].reverse().map((line) => [line.name.text, line]));
  return tree.sweeps.filter(
    (line) => line.name.text !== seedAxis && first.get(line.name.text) === line && !given.has(line.name.text),
  );
}

/** Returns the value that each line gives in one variant. `places` has the place of the value by name; the default is the first one. */
export function sweepValues(
  tree: ast.SourceFile,
  given: ReadonlyMap<string, Given>,
  places: Readonly<Record<string, number>>,
): Map<string, Given> {
  return new Map(
    linesToUse(tree, given).flatMap(({ name, values }): [string, Given][] => {
      const expr = values[places[name.text] ?? 0];
      return expr === undefined ? [] : [[name.text, { origin: "sweep", expr }]];
    }),
  );
}

/** Reads the lines and reports those that cannot be used. `given` has what options give. */
export function readSweeps(
  tree: ast.SourceFile,
  text: string,
  given: ReadonlyMap<string, Given>,
  scope: Scope,
): FileSweep {
  if (tree.sweeps.length === 0) return noSweep;
  const written = (values: readonly ast.Expr[]): string[] =>
    values.map(({ span }) => text.slice(span.start, span.end).trim());
  checkLines(tree.sweeps, written, scope.checker);
  const seedLine = tree.sweeps.find(({ name }) => name.text === seedAxis);
  return {
    axes: linesToUse(tree, given).map(({ name, values }) => ({ name: name.text, values: written(values) })),
    seeds: seedLine?.values.flatMap((value) => seedOf(value, scope)),
  };
}

function checkLines(
  lines: readonly ast.SweepLine[],
  written: (values: readonly ast.Expr[]) => string[],
  checker: Checker,
): void {
  const seen = new Map<string, ast.Span>();
  for (const { name, values } of lines) {
    const first = seen.get(name.text);
    if (first !== undefined) {
      const labels = [{ span: first, text: "the first one" }];
      checker.report("FSL2021", name.span, { name: name.text, why: "has a second line" }, { labels });
    }
    seen.set(name.text, name.span);
    const texts = written(values);
    texts.forEach((text, i) => {
      if (texts.indexOf(text) < i)
        checker.report("FSL2021", values[i]?.span, { name: name.text, why: `has the value \`${text}\` twice` });
    });
  }
}

function seedOf(expr: ast.Expr, scope: Scope): number[] {
  const value = evaluate(expr, scope);
  if (value.kind === "int" && value.unit === undefined && value.value >= 0) return [value.value];
  if (value.kind !== "anything") {
    const why = "has a seed that is no whole number from 0 on";
    scope.checker.report("FSL2021", expr.span, { name: seedAxis, why });
  }
  return [];
}
