/** Reads the options of a sweep, `--seeds` and `--sweep`, and compiles the experiment for each combination of the values. */
import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";
import type { Experiment } from "../compiler/typed/tree.js";
import type { CompiledFile } from "../runtime/host/compile-file.js";
import { type Cli, type Command, collectValues } from "./command.js";
import type { ExperimentOptions, MachineOptions } from "./options.js";
import { UsageError } from "./usage-error.js";

export interface SweepOptions {
  readonly seeds?: string;
  readonly sweep?: readonly string[];
}

/** Adds the options that run several variants of an experiment. */
export function withSweep(command: Command): Command {
  return command
    .option("--seeds <list>", "run with each of these seeds: `0..4` or `0,1,7`")
    .option(
      "--sweep <name=values>",
      "run with each of these values of a parameter: `shots=1,5` (may be repeated for other parameters)",
      collectValues,
    );
}

/**
 * Returns the seeds of `--seeds`, or undefined without that option.
 *
 * @throws UsageError if the text is no list of seeds, or `--seed` is given too.
 */
export function parseSeeds({ seeds: text, seed }: SweepOptions & MachineOptions): readonly number[] | undefined {
  if (text === undefined) return undefined;
  if (seed !== undefined) {
    throw new UsageError(`\`--seed ${seed}\` and \`--seeds ${text}\` are both given. Leave one of them out`);
  }
  const range = /^\s*(\d+)\s*\.\.\s*(\d+)\s*$/.exec(text);
  const [from, to] = [Number(range?.[1]), Number(range?.[2])];
  if (range !== null && from <= to && to - from < mostVariants) {
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  }
  const items = text.split(",").map((item) => item.trim());
  if (range !== null || !items.every((item) => /^\d+$/.test(item))) {
    throw new UsageError(`\`--seeds ${text}\` is no list of seeds. Write \`--seeds 0..4\` or \`--seeds 0,1,7\``);
  }
  return items.map(Number);
}

/** The most combinations of values, because each of them is compiled. */
const mostVariants = 1000;

/** The values of one combination, by the name of the parameter. */
type Values = Readonly<Record<string, string>>;

/**
 * Returns every combination of the values of `--sweep`, in the order in which they are written; the last parameter changes first.
 *
 * @throws UsageError if an option has no values or a value twice, if a parameter is given twice, or if there are too many combinations.
 */
export function parseSweep({ sweep = [], set = [] }: SweepOptions & ExperimentOptions): readonly Values[] {
  const swept = new Map<string, string>();
  let combinations: readonly Values[] = [{}];
  for (const item of sweep) {
    const at = item.indexOf("=");
    const name = item.slice(0, Math.max(0, at)).trim();
    const values = splitValues(item.slice(at + 1));
    if (name === "" || values.some((value) => value === "")) {
      throw new UsageError(`\`--sweep ${item}\` has no values. Write \`--sweep name=value,value\``);
    }
    if (name === "seed") throw new UsageError("seeds have an option of their own. Write `--seeds 0..4`");
    const twice = values.find((value, i) => values.indexOf(value) < i);
    if (twice !== undefined) throw new UsageError(`\`--sweep ${item}\` has the value ${twice} twice. Leave one out`);
    const before = swept.get(name) ?? set.map((given) => `--set ${given}`).find((given) => nameOf(given) === name);
    if (before !== undefined) {
      throw new UsageError(`\`${before}\` and \`--sweep ${item}\` are both given. Leave one of them out`);
    }
    swept.set(name, `--sweep ${item}`);
    if (combinations.length * values.length > mostVariants) {
      throw new UsageError(`the sweep has more than ${mostVariants} variants. Leave some values out`);
    }
    combinations = combinations.flatMap((one) => values.map((value) => ({ ...one, [name]: value })));
  }
  return combinations;
}

/** Returns the name in `--set name=value`. */
const nameOf = (option: string): string => option.slice("--set ".length, option.indexOf("=")).trim();

/** Splits a list of values at its commas. The commas of a value in brackets, such as `[1,2]`, do not end it. */
function splitValues(text: string): string[] {
  const values = [""];
  let depth = 0;
  for (const char of text) {
    if (char === "[") depth++;
    if (char === "]") depth--;
    if (char === "," && depth <= 0) values.push("");
    else values[values.length - 1] += char;
  }
  return values.map((value) => value.trim());
}

/** The variants of an experiment that have been compiled, and whose diagnostics have been printed. */
export interface CompiledVariants {
  /** The compilation of the first variant: all of them have the same files and project. */
  readonly compiled: CompiledFile;
  /** The experiment of each variant; empty if one has errors. */
  readonly experiments: readonly Experiment[];
  /** The exit code if there are errors. */
  readonly code: number | undefined;
}

/** Compiles every variant of an experiment and prints each diagnostic once. */
export async function compileVariants(
  cli: Cli,
  file: string,
  options: ExperimentOptions & SweepOptions,
): Promise<CompiledVariants> {
  const { compilationCode, experimentCompiler, printCompilation } = await import("./experiment.js");
  const compileNext = experimentCompiler(options);
  const [first = {}, ...others] = parseSweep(options);
  const compiled = compileNext(file, undefined, first);
  const variants = [{ values: first, compiled }];
  for (const values of others) variants.push({ values, compiled: compileNext(file, undefined, values) });
  const all = variants.map((variant) => variant.compiled);
  await printCompilation(cli, {
    ...compiled,
    modules: all.flatMap(({ modules }) => modules),
    diagnostics: merged(variants),
  });
  const code = all.map(compilationCode).find((one) => one !== undefined);
  const experiments = all.flatMap(({ experiment }) => experiment ?? []);
  return { compiled, experiments: code === undefined ? experiments : [], code };
}

/** Returns each diagnostic of the variants once. One that not all of them have names the values with which it is found first. */
function merged(variants: readonly { readonly values: Values; readonly compiled: CompiledFile }[]): Diagnostic[] {
  const found = new Map<string, { readonly first: Values; readonly diagnostic: Diagnostic; count: number }>();
  for (const { values, compiled } of variants) {
    for (const diagnostic of compiled.diagnostics) {
      const text = JSON.stringify(diagnostic);
      const known = found.get(text);
      if (known !== undefined) known.count++;
      else found.set(text, { first: values, diagnostic, count: 1 });
    }
  }
  return [...found.values()].map(({ first, diagnostic, count }) => {
    if (count === variants.length) return diagnostic;
    const named = Object.entries(first).map(([name, value]) => `--set ${name}=${value}`);
    return { ...diagnostic, help: [...diagnostic.help, `found with \`${named.join(" ")}\``] };
  });
}
