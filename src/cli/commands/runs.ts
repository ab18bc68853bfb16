/** Implements `fslc runs`: it lists, shows and removes the runs of a project, says what differs between two, and compares evaluations. */
import { relative, resolve } from "node:path";
import { printableJson } from "../../common/printable.js";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { isTrainingKind } from "../../compiler/typed/stage-kinds.js";
import type { Comparison } from "../../runtime/run/compare.js";
import type { DamagedEvaluation, Evaluation, RunRecord } from "../../runtime/run/runs.js";
import type { Project } from "../../runtime/system/project.js";
import { type Cli, type Command, groupOfCommands, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ProjectOptions, projectOf, projectOption } from "../options.js";
import type { RunDetails } from "../print/run-details.js";
import { say } from "../say.js";
import { tableWidth, textWidth } from "../terminal.js";
import { type ListOptions, list, withListOptions } from "./runs-list.js";
import { printResultTable, type TableOptions, table, withTableOptions } from "./runs-table.js";

interface Options extends ProjectOptions {
  readonly json?: boolean;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  const command = groupOfCommands("runs", "list, show, tabulate, diff, compare and remove the runs of this project");
  const sub = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .option(...projectOption)
      .option("--json", "print JSON");
  withListOptions(sub("list", "list the runs, newest first")).action(async (options: ListOptions) =>
    exit(await list(cli, options)),
  );
  sub("show [run]", "show the results, reports and files of a run").action(
    async (run: string | undefined, options: Options) => exit(await show(cli, run ?? "last", options)),
  );
  withTableOptions(sub("table [run]", "print the results of a run as one table, with means over seeds")).action(
    async (run: string | undefined, options: TableOptions) => exit(await table(cli, run ?? "last", options)),
  );
  sub("compare <a> <b>", "compare two evaluations RUN:STAGE, or two runs, episode by episode").action(
    async (a: string, b: string, options: Options) => exit(await compare(cli, a, b, options)),
  );
  sub("diff <a> <b>", "say what differs between two runs: parameters, options, files, data, engines, results").action(
    async (a: string, b: string, options: Options) => exit(await diff(cli, a, b, options)),
  );
  sub("crate [run]", "write a run as an RO-Crate: its files, and metadata that say how they were made")
    .requiredOption("-o, --output <dir>", "the folder to write, which must be new or empty")
    .action(async (run: string | undefined, options: Options & { readonly output: string }) =>
      exit(await crate(cli, run ?? "last", options)),
    );
  sub("rm <runs...>", "remove runs with their results; the store keeps the stages that they computed").action(
    async (runs: string[], options: Options) => exit(await rm(cli, runs, options)),
  );
  return command
    .addHelpText(
      "after",
      "\nRUN is the id of a run, the beginning or the end of an id, the path of its folder, or `last`.",
    )
    .addHelpText(
      "after",
      helpExamples([
        ["fslc runs list", "list the last 20 runs"],
        ["fslc runs list --status failed --since 7d", "list the failed runs of the last week"],
        ["fslc runs show", "show the last run"],
        ["fslc runs table --rows method --cols shots", "print the results of a sweep: means over seeds"],
        ["fslc runs diff 4fd1a2 last", "say what differs between two runs"],
        ["fslc runs compare last:proto last:matching", "compare two methods of one run"],
        ["fslc runs compare 4fd1a2 9be003", "compare two runs, each pair of stages with the same name"],
      ]),
    );
}

async function rm(cli: Cli, asked: readonly string[], options: Options): Promise<number> {
  const { removeRuns } = await import("../../runtime/run/remove-runs.js");
  const { bytes } = await import("../view/format.js");
  const removed = await removeRuns(await projectOf(options), asked);
  if (options.json) say(cli.stdout, `${printableJson(removed, 2)}\n`);
  else for (const one of removed) say(cli.stdout, `removed ${one.run} (${bytes(one.bytes)})\n`);
  return exitCodes.done;
}

async function crate(
  cli: Cli,
  asked: string,
  { output, json, ...options }: Options & { output: string },
): Promise<number> {
  const { findRun } = await import("../../runtime/run/runs.js");
  const { writeCrate } = await import("../../runtime/run/crate.js");
  const path = await writeCrate(findRun(await projectOf(options), asked), resolve(output));
  const shown = relative(process.cwd(), path) || path;
  say(cli.stdout, json ? `${printableJson({ path: shown }, 2)}\n` : `${shown}\n`);
  return exitCodes.done;
}

async function show(cli: Cli, asked: string, options: Options): Promise<number> {
  const { findRun } = await import("../../runtime/run/runs.js");
  const project = await projectOf(options);
  const run = findRun(project, asked);
  const table = run.start.sweep === undefined ? undefined : await printResultTable(cli, run, {}, "text");
  const details = { ...(await readDetails(project, run)), table };
  if (options.json) {
    const { stages, trainings, evaluations, damaged, files } = details;
    const { id, dir, start, done } = run;
    const evaluated = evaluations.map(({ stage, dir: at, manifest }) => ({ stage, dir: at, manifest }));
    say(
      cli.stdout,
      `${printableJson({ run: id, dir, start, done, stages, trainings, evaluations: evaluated, damaged, files }, 2)}\n`,
    );
  } else {
    const { printRunDetails } = await import("../print/run-details.js");
    say(cli.stdout, `${printRunDetails(details, tableWidth(cli.stdout))}\n`);
  }
  return exitCodes.done;
}

/** Reads what is known of a run: how its stages ended, its evaluations, and where its weights are. */
async function readDetails(project: Project, run: RunRecord): Promise<Omit<RunDetails, "table">> {
  const { endsOfStages, evaluationsOf, historiesOf, numericsOfStages, weightsOf } = await import(
    "../../runtime/run/runs.js"
  );
  const kinds = new Map(run.start.stages.map(({ id, kind }) => [id, kind]));
  const numerics = numericsOfStages(run);
  const stages = endsOfStages(run).map((end) => {
    const kind = kinds.get(end.stage);
    const trained = kind !== undefined && kind !== "ingest" && isTrainingKind(kind);
    const key = "key" in end ? end.key : undefined;
    return {
      ...end,
      kind,
      numerics: numerics.get(end.stage),
      weights: trained && key !== undefined ? weightsOf(project, key, numerics.get(end.stage)) : [],
    };
  });
  return { run, stages, trainings: historiesOf(run), ...evaluationsOf(run) };
}

/** Returns the holes of FSL7054 for a damaged evaluation. */
function describeDamage({
  run,
  stage,
  dir,
  problem,
}: DamagedEvaluation): Record<"run" | "stage" | "path" | "why", string> {
  return { run, stage, path: relative(process.cwd(), dir) || dir, why: problem };
}

/** Names each cause once. If a cause does not hold for all stages, the stages stand before it. */
function describeUnpaired(compared: readonly Comparison[]): string {
  const causes = new Map<string, string[]>();
  for (const { a, unpaired } of compared) {
    for (const cause of unpaired) causes.set(cause, [...(causes.get(cause) ?? []), `\`${a.stage}\``]);
  }
  return [...causes]
    .map(([cause, stages]) => (stages.length === compared.length ? cause : `${stages.join(", ")}: ${cause}`))
    .join("; ");
}

async function compare(cli: Cli, left: string, right: string, options: Options): Promise<number> {
  const { compareEvaluations, evaluationName } = await import("../../runtime/run/compare.js");
  const project = await projectOf(options);
  const [a, b] = [await evaluationsAt(project, left), await evaluationsAt(project, right)];
  const compared = matchEvaluations(a, b, left, right).map(([one, other]) => compareEvaluations(one, other));
  if (compared.every(({ rows }) => rows.length === 0)) {
    const [first] = compared;
    const names =
      first !== undefined && compared.length === 1
        ? { a: evaluationName(first.a), b: evaluationName(first.b) }
        : { a: left, b: right };
    throw new DiagnosticError(diagnostic("FSL7050", undefined, { ...names, why: describeUnpaired(compared) }));
  }
  if (options.json) {
    say(cli.stdout, `${printableJson(compared.map(toJson), 2)}\n`);
  } else {
    const { printComparison } = await import("../print/runs.js");
    const width = textWidth(cli.stdout, cli.env);
    say(cli.stdout, `${compared.map((one) => printComparison(one, width)).join("\n\n")}\n`);
  }
  return exitCodes.done;
}

async function diff(cli: Cli, left: string, right: string, options: Options): Promise<number> {
  const { diffRuns } = await import("../../runtime/run/diff.js");
  const { findRun } = await import("../../runtime/run/runs.js");
  const project = await projectOf(options);
  const found = diffRuns(findRun(project, left), findRun(project, right));
  if (options.json) {
    const { a, b, ...rest } = found;
    say(cli.stdout, `${printableJson({ a: a.id, b: b.id, ...rest }, 2)}\n`);
  } else {
    const { printRunDifference } = await import("../print/run-difference.js");
    say(cli.stdout, `${printRunDifference(found, tableWidth(cli.stdout))}\n`);
  }
  return exitCodes.done;
}

function toJson({ a, b, rows, unpaired }: Comparison): unknown {
  return {
    a: { run: a.run, stage: a.stage },
    b: { run: b.run, stage: b.stage },
    rows: rows.map(({ comparison, ...row }) => ({
      ...row,
      ...comparison,
      episodes: row.episodes,
      outcomes: comparison.episodes,
    })),
    unpaired,
  };
}

/**
 * Returns the evaluations of `RUN`, or the one of `RUN:STAGE`.
 *
 * @throws DiagnosticError FSL7051 if there is no such run, FSL7052 if it has no such evaluation, FSL7054 if its files are damaged.
 */
async function evaluationsAt(project: Project, asked: string): Promise<readonly Evaluation[]> {
  const { evaluationsOf, findRun } = await import("../../runtime/run/runs.js");
  const colon = asked.lastIndexOf(":");
  const [name, stage] = colon < 0 ? [asked, undefined] : [asked.slice(0, colon), asked.slice(colon + 1)];
  const run: RunRecord = findRun(project, name);
  const { evaluations: all, damaged } = evaluationsOf(run);
  const chosen = stage === undefined ? all : all.filter((one) => one.stage === stage);
  const kinds = new Map(run.start.stages.map(({ id, kind }) => [id, kind]));
  const bad = damaged.find((one) => (stage === undefined ? kinds.get(one.stage) === "evaluate" : one.stage === stage));
  if (bad !== undefined) throw new DiagnosticError(diagnostic("FSL7054", undefined, describeDamage(bad)));
  if (chosen.length > 0) return chosen;
  const names = all.map((one) => `\`${one.stage}\``);
  const help = names.length === 0 ? ["it has no results"] : [`it has ${names.join(", ")}`];
  const evaluation = stage === undefined ? "evaluation with results" : `evaluation \`${stage}\``;
  throw new DiagnosticError(diagnostic("FSL7052", undefined, { run: run.id, evaluation }, { help }));
}

/**
 * Pairs the evaluations of two runs by the names of their stages. If each run has only one, these two are a pair.
 *
 * @throws DiagnosticError FSL7050 if no names match.
 */
function matchEvaluations(
  a: readonly Evaluation[],
  b: readonly Evaluation[],
  left: string,
  right: string,
): (readonly [Evaluation, Evaluation])[] {
  const [one] = a;
  const [other] = b;
  if (a.length === 1 && b.length === 1 && one !== undefined && other !== undefined) return [[one, other]];
  const named = a.flatMap((first) => {
    const second = b.find(({ stage }) => stage === first.stage);
    return second === undefined ? [] : [[first, second] as const];
  });
  if (named.length > 0) return named;
  const list = (all: readonly Evaluation[]): string => all.map(({ stage }) => `\`${stage}\``).join(", ");
  const why = `no evaluation has the same name in both (${list(a)}; ${list(b)})`;
  const help = ["name the stages: `fslc runs compare RUN:STAGE RUN:STAGE`"];
  throw new DiagnosticError(diagnostic("FSL7050", undefined, { a: left, b: right, why }, { help }));
}
