/** Reads the options of a sweep, `--seeds` and `--sweep`, and compiles an experiment for each combination of their and its own values. */
import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";
import type { FileSweep } from "../compiler/typed/sweep.js";
import type { Experiment } from "../compiler/typed/tree.js";
import type { CompiledFile, createFileCompiler } from "../runtime/host/compile-file.js";
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

/** A file of which every variant has been compiled. */
export interface CompiledVariants {
  /** The compilation of the first variant, with the diagnostics of all: they have the same files and project. */
  readonly compiled: CompiledFile;
  /** The experiment of each variant; empty if one has errors. */
  readonly experiments: readonly Experiment[];
}

/** One variant, and how messages name what is its own. */
interface Variant {
  readonly values: Values;
  readonly places: Readonly<Record<string, number>>;
  readonly named: readonly string[];
}

/**
 * Compiles every variant of a file: each combination of `given`, which `parseSweep` returns, and of the values of its `sweep` lines.
 *
 * @throws UsageError if there are too many.
 */
export function compileEach(
  compileNext: ReturnType<typeof createFileCompiler>,
  { path, text }: { readonly path: string; readonly text?: string | undefined },
  given: readonly Values[] = [{}],
): CompiledVariants {
  const [first = {}] = given;
  const compiled = compileNext(path, text, { sweep: first });
  const [one, ...others] = variantsOf(compiled.sweep, given);
  const all = [{ named: one?.named ?? [], compiled }];
  for (const { values, places, named } of others) {
    all.push({ named, compiled: compileNext(path, text, { sweep: values, places }) });
  }
  const diagnostics = merged(all);
  const modules = all.flatMap((variant) => variant.compiled.modules);
  const experiments = all.flatMap((variant) => variant.compiled.experiment ?? []);
  return {
    compiled: { ...compiled, modules, diagnostics },
    experiments: diagnostics.some(({ severity }) => severity === "error") ? [] : experiments,
  };
}

function variantsOf({ axes }: FileSweep, given: readonly Values[]): Variant[] {
  const count = axes.reduce((n, { values }) => n * values.length, given.length);
  if (count > mostVariants)
    throw new UsageError(`the sweep has ${count} variants. At most ${mostVariants} are possible`);
  let variants: Variant[] = [{ values: {}, places: {}, named: [] }];
  for (const { name, values } of axes) {
    variants = variants.flatMap(({ places, named }) =>
      values.map((value, i) => ({
        values: {},
        places: { ...places, [name]: i },
        named: [...named, `sweep ${name} = ${value}`],
      })),
    );
  }
  return variants.flatMap(({ places, named }) =>
    given.map((values) => {
      const set = Object.entries(values).map(([name, value]) => `--set ${name}=${value}`);
      return { values, places, named: set.length === 0 ? named : [...named, set.join(" ")] };
    }),
  );
}

/** Compiles every variant of an experiment and prints each diagnostic once. `code` is the exit code if there are errors. */
export async function compileVariants(
  cli: Cli,
  file: string,
  options: ExperimentOptions & SweepOptions,
): Promise<CompiledVariants & { readonly code: number | undefined }> {
  const { compilationCode, experimentCompiler, printCompilation } = await import("./experiment.js");
  const { compiled, experiments } = compileEach(experimentCompiler(options), { path: file }, parseSweep(options));
  await printCompilation(cli, compiled);
  return { compiled, experiments, code: compilationCode(compiled) };
}

/** Returns the seeds of a run: those of the command line, or else those of the file's line `sweep seed`. */
export function seedsFor(
  { sweep }: Pick<CompiledFile, "sweep">,
  options: SweepOptions & MachineOptions,
): { readonly seeds?: readonly number[] } {
  const seeds = parseSeeds(options) ?? (options.seed === undefined ? sweep.seeds : undefined);
  return seeds === undefined ? {} : { seeds };
}

/** Returns each diagnostic of the variants once. One that not all of them have names the variant in which it is found first. */
function merged(
  variants: readonly { readonly named: readonly string[]; readonly compiled: CompiledFile }[],
): Diagnostic[] {
  const found = new Map<
    string,
    { readonly first: readonly string[]; readonly diagnostic: Diagnostic; count: number }
  >();
  for (const { named, compiled } of variants) {
    for (const diagnostic of compiled.diagnostics) {
      const text = JSON.stringify(diagnostic);
      const known = found.get(text);
      if (known !== undefined) known.count++;
      else found.set(text, { first: named, diagnostic, count: 1 });
    }
  }
  return [...found.values()].map(({ first, diagnostic, count }) => {
    if (count === variants.length) return diagnostic;
    const named = first.map((text) => `\`${text}\``).join(", ");
    return { ...diagnostic, help: [...diagnostic.help, `found with ${named}`] };
  });
}
