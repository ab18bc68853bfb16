/**
 * Compares fslc with PyTorch on the same cores: with its best of {eager, compiled} × {[n, c, h, w], channels last}.
 * `npm run bench -- --help` lists the options and the cases. The result is kept in .bench, unless other programs took more than a tenth
 * of the processor meanwhile.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Bystanders, quietShare } from "../src/runtime/system/bystanders.js";
import { packageRoot } from "../src/runtime/system/package.js";
import { cases } from "./cases.js";
import { describeMachine } from "./machine.js";
import { lines, measure, type Result } from "./measure.js";
import { samplerRate } from "./ours.js";
import { setUp, sidesOf } from "./sides.js";

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const caseNames = [...cases.map(({ name }) => name), "sampler"];

const help = `npm run bench -- [CASE…] [OPTIONS]
  --setup          make .bench/venv with PyTorch and easyfsl (several GB); with --tensorflow, TensorFlow's Python too
  --rounds N       the number of rounds of each case, in place of its own
  --threads N      the number of threads of every side (default: all cores)
  --no-compiled    leave out PyTorch's compiled modes
  --onednn         also run the engine \`onednn\`
  --bf16           also run \`onednn\` with \`--precision bf16\`, and PyTorch with autocast
  --tensorflow     also run the engine \`tensorflow\`, and a TensorFlow graph of the same step
  --help           print this text

Cases (all, if none is named):
${cases.map(({ name, what }) => `  ${name.padEnd(10)} ${what}`).join("\n")}
  ${"sampler".padEnd(10)} drawn episodes per second`;

/** Returns the number given for an option. @throws Error unless it is a whole number of at least 1. */
function countOf(option: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`--${option} takes a whole number of at least 1, not ${text}`);
  return Number(text);
}

/** Returns the episodes that the sampler draws per second, and the share of the processor that other programs took meanwhile. */
function timedSampler(): { readonly rate: number; readonly others: number } {
  const bystanders = new Bystanders();
  const before = process.cpuUsage();
  const rate = samplerRate();
  const { user, system } = process.cpuUsage(before);
  return { rate, others: bystanders.share((user + system) / 1e6) };
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean", default: false },
      setup: { type: "boolean", default: false },
      rounds: { type: "string" },
      threads: { type: "string", default: String(Math.max(1, cpus().length)) },
      "no-compiled": { type: "boolean", default: false },
      onednn: { type: "boolean", default: false },
      bf16: { type: "boolean", default: false },
      tensorflow: { type: "boolean", default: false },
    },
  });
  if (values.help) return print(help);
  if (values.setup) return setUp(values.tensorflow);
  const unknown = positionals.find((name) => !caseNames.includes(name));
  if (unknown !== undefined) throw new Error(`no case ${unknown}; there are ${caseNames.join(", ")}`);
  const wanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

  const threads = countOf("threads", values.threads);
  const rounds = values.rounds === undefined ? undefined : countOf("rounds", values.rounds);
  const machine = describeMachine(threads);
  print(`${machine.cpu}, ${machine.cores} cores, ${machine.instructions.join(" ")}`);
  print(`${threads} threads, load before: ${machine.load.join(", ")}`);
  const { onednn, bf16, tensorflow } = values;
  const { sides, missing } = sidesOf({ threads, compiled: !values["no-compiled"], onednn, bf16, tensorflow });
  for (const what of missing) print(what);
  const results: Result[] = [];
  for (const it of cases.filter(({ name }) => wanted(name))) {
    const having = sides.filter((side) => side.has(it));
    const result = await measure(it, having, rounds ?? it.rounds);
    results.push(result);
    for (const line of lines(result)) print(line);
  }
  const sampler = wanted("sampler") ? timedSampler() : undefined;
  if (sampler !== undefined) print(`sampler\n  fslc      ${Math.round(sampler.rate).toLocaleString("en")} episodes/s`);

  if ([...results, ...(sampler === undefined ? [] : [sampler])].some(({ others }) => others > quietShare)) {
    print("the machine was busy, so the result is not kept; the ratios hold only as far as all sides suffered alike");
    return;
  }
  const folder = join(packageRoot, ".bench");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replaceAll(":", "-")}.json`);
  writeFileSync(file, `${JSON.stringify({ machine, results, samplerEpisodesPerSecond: sampler?.rate }, null, 2)}\n`);
  print(`saved in ${file}`);
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
