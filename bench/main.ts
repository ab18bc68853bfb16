/**
 * Compares fslc with PyTorch on the same cores: with its best of {eager, compiled} × {[n, c, h, w], channels last}.
 *   npm run bench -- --setup          make .bench/venv with PyTorch and easyfsl (several GB); with --tensorflow, TensorFlow's Python too
 *   npm run bench [-- CASE… --rounds N --threads N --no-compiled --onednn --bf16 --tensorflow]
 * With --onednn, it also runs the engine `onednn` of fslc. With --bf16, it also runs that engine with `--precision bf16` and PyTorch with autocast. With --tensorflow, it also runs the engine `tensorflow` of fslc and a TensorFlow graph of the same step.
 * The result is kept in .bench, unless other programs took more than a tenth of the processor meanwhile.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { quietShare } from "../src/runtime/system/bystanders.js";
import { packageRoot } from "../src/runtime/system/package.js";
import { cases } from "./cases.js";
import { describeMachine } from "./machine.js";
import { lines, measure, type Result } from "./measure.js";
import { samplerRate } from "./ours.js";
import { setUp, sidesOf } from "./sides.js";

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      setup: { type: "boolean", default: false },
      rounds: { type: "string" },
      threads: { type: "string", default: String(Math.max(1, cpus().length)) },
      "no-compiled": { type: "boolean", default: false },
      onednn: { type: "boolean", default: false },
      bf16: { type: "boolean", default: false },
      tensorflow: { type: "boolean", default: false },
    },
  });
  if (values.setup) return setUp(values.tensorflow);
  const unknown = positionals.find((name) => name !== "sampler" && !cases.some((it) => it.name === name));
  if (unknown !== undefined)
    throw new Error(`no case ${unknown}; there are ${cases.map((it) => it.name).join(", ")} and sampler`);
  const wanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

  const threads = Number(values.threads);
  const machine = describeMachine(threads);
  print(`${machine.cpu}, ${machine.cores} cores, ${machine.instructions.join(" ")}`);
  print(`${threads} threads, load before: ${machine.load.join(", ")}`);
  const { onednn, bf16, tensorflow } = values;
  const { sides, missing } = sidesOf({ threads, compiled: !values["no-compiled"], onednn, bf16, tensorflow });
  for (const what of missing) print(what);
  const results: Result[] = [];
  for (const it of cases.filter(({ name }) => wanted(name))) {
    const having = sides.filter((side) => side.has(it));
    const result = await measure(it, having, Number(values.rounds ?? it.rounds));
    results.push(result);
    for (const line of lines(result)) print(line);
  }
  const sampler = wanted("sampler") ? samplerRate() : undefined;
  if (sampler !== undefined) print(`sampler\n  fslc      ${Math.round(sampler).toLocaleString("en")} episodes/s`);

  if (results.some(({ others }) => others > quietShare)) {
    print("the machine was busy, so the result is not kept; the ratios hold only as far as all sides suffered alike");
    return;
  }
  const folder = join(packageRoot, ".bench");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replaceAll(":", "-")}.json`);
  writeFileSync(file, `${JSON.stringify({ machine, results, samplerEpisodesPerSecond: sampler }, null, 2)}\n`);
  print(`saved in ${file}`);
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
