/** Writes the command line that repeats a run. */
import { printable } from "../../common/printable.js";
import { valueText } from "../../compiler/stages/variants.js";
import type { RunEvent, RunInputs } from "../../runtime/events/events.js";
import { seedsText } from "../view/format.js";

type Start = Extract<RunEvent, { type: "run.start" }>;

/**
 * Returns the command line, or undefined if the run recorded no inputs, was started by the API with only some stages, has variants
 * that no options give, or has values with characters that cannot be shown, so that a reader could not copy them.
 */
export function repeatCommand({ file, seed, sweep, inputs }: Start): string | undefined {
  if (inputs === undefined || inputs.asked.stages !== undefined) return undefined;
  const sets = inputs.params
    .filter(({ origin }) => origin === "--set" || origin === "--params" || origin === "sweep")
    .flatMap(({ name, value }) => ["--set", `${name}=${valueText(value)}`]);
  const combinations = (sweep?.params ?? []).reduce((n, { values }) => n * values.length, sweep?.seeds.length ?? 1);
  if (sweep !== undefined && combinations !== sweep.variants.length) return undefined;
  const swept = (sweep?.params ?? []).flatMap(({ name, values }) => [
    "--sweep",
    `${name}=${values.map(valueText).join(",")}`,
  ]);
  // Seed 0 is named too, because the file may have a line `sweep seed`.
  const seeds =
    sweep !== undefined && sweep.seeds.length > 1 ? ["--seeds", seedsText(sweep.seeds)] : ["--seed", `${seed}`];
  const words = ["fslc", "run", file, ...sets, ...swept, ...seeds, ...optionsOf(inputs.asked)];
  return words.every((word) => printable(word) === word) ? words.map(quoted).join(" ") : undefined;
}

function optionsOf({ engine, device, precision, threads, jobs, force = [], exact }: RunInputs["asked"]): string[] {
  return [
    ...(engine === undefined ? [] : ["--engine", engine]),
    ...(device === undefined ? [] : ["--device", device]),
    ...(precision === undefined ? [] : ["--precision", precision]),
    ...(threads === undefined ? [] : ["--threads", `${threads}`]),
    ...(jobs === undefined ? [] : ["--jobs", `${jobs}`]),
    ...force.flatMap((stage) => ["--force", stage]),
    ...(exact === true ? ["--exact"] : []),
  ];
}

/** Quotes an argument for a POSIX shell if it has characters that a shell acts on. */
function quoted(argument: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
