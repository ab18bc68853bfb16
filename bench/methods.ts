/**
 * Runs every method of examples/methods on the emoji set, and makes the table of docs/methods.md from the results.
 *   npm run bench:methods                       all of them, one after the other
 *   npm run bench:methods -- --only maml        some of them; the others keep their saved rows
 *   npm run bench:methods -- --render           the table again, from what is saved
 * Results are saved in .bench/methods.json. The store with the stages is .bench/methods.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { EvaluateStage, Experiment } from "../src/compiler/typed/tree.js";
import type { Result, RunEvent } from "../src/runtime/events/events.js";
import { compileFile } from "../src/runtime/host/compile-file.js";
import { RefusedError, type RunOptions } from "../src/runtime/run/preflight.js";
import { run } from "../src/runtime/run/run.js";
import { findEntry } from "../src/runtime/store/store.js";
import { packageRoot } from "../src/runtime/system/package.js";
import { projectPaths } from "../src/runtime/system/project.js";
import { familyOf, type MethodRow, rendered, type Saved, withTable } from "./methods-table.js";

const folder = join(packageRoot, "examples", "methods");
const bench = join(packageRoot, ".bench");
const savedFile = join(bench, "methods.json");
const page = join(packageRoot, "docs", "methods.md");
/** The file that the others import. Its evaluations are the baselines, one row each. */
const shared = "base";
/** The evaluation that makes the row of a method. */
const counted = "test";

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

type Ran = { readonly rows: Saved["rows"] } | { readonly failed: readonly string[] };
const told = (problems: readonly { readonly code: string; readonly message: string }[]): Ran => ({
  failed: problems.map(({ code, message }) => `${code} ${message}`),
});

/** Runs one file. If it fails, the reason is printed, and the next file still runs. */
async function measure(name: string, settings: Pick<RunOptions, "seed" | "threads">): Promise<Ran> {
  const file = join(folder, `${name}.fsl`);
  const { experiment, project, diagnostics } = compileFile(file, { home: join(bench, "methods") });
  if (experiment === undefined) return told(diagnostics);
  try {
    const started = run(experiment, { project, ...settings });
    const keys = new Map<string, string>();
    for await (const event of started.events) {
      if (event.type === "stage.done" || event.type === "stage.cached") keys.set(event.stage, event.key);
      report(event);
    }
    const { status, results, failures } = await started.done;
    if (status !== "done") return told(failures);
    // The store has the cost of a stage, whether it was computed now or before.
    const manifestOf = (stage: string) => findEntry(projectPaths.store(project), keys.get(stage) ?? "", {})?.manifest;
    const text = readFileSync(file, "utf8");
    const rows = evaluations(experiment, name).map((stage): [string, MethodRow] => {
      const costs = (name === shared ? [stage] : own(experiment)).flatMap(({ id }) => manifestOf(id) ?? []);
      const memory = costs.flatMap(({ peakMemory }) => peakMemory ?? []);
      return [
        name === shared ? stage.name : name,
        {
          what: /^\/\/ (.*)/.exec(text)?.[1] ?? name,
          family: familyOf(stage, name === shared ? "" : text),
          transductive: stage.metric.value.entries["classify"]?.transductive === true,
          accuracy: accuracies(results, stage.id),
          seconds: costs.reduce((total, { seconds }) => total + seconds, 0),
          memory: memory.length === 0 ? undefined : Math.max(...memory),
        },
      ];
    });
    return { rows: Object.fromEntries(rows) };
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return told(error.diagnostics);
  }
}

/** Returns the stages that the file itself declares. */
const own = ({ stages }: Experiment): Experiment["stages"] => stages.filter(({ id, name }) => id === name);
const evaluations = (experiment: Experiment, file: string): EvaluateStage[] =>
  own(experiment).filter(
    (stage): stage is EvaluateStage => stage.kind === "evaluate" && (file === shared || stage.name === counted),
  );
const accuracies = (results: readonly Result[], stage: string): MethodRow["accuracy"] =>
  Object.fromEntries(
    results
      .filter((result) => result.stage === stage && result.metric === "accuracy")
      .map(({ row = "", mean, ci95 }) => [row, { mean, ci95 }]),
  );

function report(event: RunEvent): void {
  if (event.type === "stage.cached") say(`  ${event.stage}: from the store`);
  if (event.type === "stage.validate")
    say(`  ${event.stage}: ${(100 * event.accuracy).toFixed(1)} % after epoch ${event.epoch}`);
  if (event.type === "stage.done") say(`  ${event.stage}: ${event.seconds.toFixed(1)} s`);
  if (event.type === "stage.failed") say(`  ${event.stage}: ${event.message}`);
}

function load(): Saved {
  if (!existsSync(savedFile)) return { machine: "", rows: {}, failed: {} };
  return JSON.parse(readFileSync(savedFile, "utf8")) as Saved;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      render: { type: "boolean", default: false },
      seed: { type: "string", default: "0" },
      threads: { type: "string", default: String(Math.max(1, cpus().length)) },
    },
  });
  const all = readdirSync(folder)
    .flatMap((file) => (file.endsWith(".fsl") ? [file.slice(0, -".fsl".length)] : []))
    .sort((a, b) => Number(b === shared) - Number(a === shared) || a.localeCompare(b));
  const unknown = values.only?.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`no method ${unknown}; there are ${all.join(", ")}`);
  const wanted = values.render ? [] : (values.only ?? all);
  const threads = Number(values.threads);
  let saved = load();
  mkdirSync(bench, { recursive: true });
  for (const name of wanted) {
    say(name);
    const ran = await measure(name, { seed: Number(values.seed), threads });
    const { [name]: _, ...failed } = saved.failed;
    const machine = `Measured on ${threads} threads of ${cpus()[0]?.model ?? "an unknown processor"}, seed ${values.seed}.`;
    saved =
      "rows" in ran
        ? { machine, rows: { ...saved.rows, ...ran.rows }, failed }
        : { ...saved, machine, failed: { ...failed, [name]: ran.failed } };
    if ("failed" in ran) say(`  ${ran.failed.join("\n  ")}`);
    writeFileSync(savedFile, `${JSON.stringify(saved, null, 2)}\n`);
  }
  // A fresh checkout has saved nothing, and a table of a few methods would replace the rows of all others.
  const missing = all.filter((name) => name !== shared && !(name in saved.rows) && !(name in saved.failed));
  if (missing.length > 0) {
    say(
      `${rendered(saved)}\n\nsaved in ${savedFile}; the page stays as it is, ${missing.length} methods have no rows yet`,
    );
    return;
  }
  writeFileSync(page, withTable(readFileSync(page, "utf8"), rendered(saved)));
  say(`saved in ${savedFile}; the table is in ${page}`);
}

main().catch((error: unknown) => {
  process.stderr.write(`bench:methods: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
