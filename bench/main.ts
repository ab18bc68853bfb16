/**
 * Compares fslc with PyTorch on the same cores. Every round runs each side once, so that a noisy machine affects them equally.
 *   npm run bench -- --setup          make .bench/venv with PyTorch (several GB); with --tensorflow, TensorFlow's Python too
 *   npm run bench [-- CASE… --rounds N --threads N --no-compiled --onednn --tensorflow]
 * With --onednn, it also runs the engine `onednn` of fslc. With --tensorflow, it also runs the engine `tensorflow` of fslc and a TensorFlow graph of the same step.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Engine } from "../src/runtime/engines/engine.js";
import { createEngine } from "../src/runtime/engines/index.js";
import { packageRoot } from "../src/runtime/system/package.js";
import { type Case, cases } from "./cases.js";
import { samplerRate } from "./ours.js";
import { type Side, setUp, sidesOf } from "./peer.js";

interface Result {
  readonly name: string;
  readonly what: string;
  readonly seconds: Readonly<Record<string, readonly number[]>>;
  readonly median: Readonly<Record<string, number>>;
  /** The median of the other side divided by ours. */
  readonly ratio: Readonly<Record<string, number>>;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

async function measure(it: Case, engine: Engine, sides: readonly Side[], rounds: number) {
  const ours = await it.ours(engine);
  const seconds: Record<string, number[]> = { fslc: [] };
  for (const { label } of sides) seconds[label] = [];
  for (let round = -it.warm; round < rounds; round++) {
    const own = await ours();
    if (round >= 0) seconds.fslc?.push(own);
    for (const side of sides) {
      const theirs = await side.run(it);
      if (round >= 0) seconds[side.label]?.push(theirs);
    }
  }
  const medians = Object.fromEntries(Object.entries(seconds).map(([side, values]) => [side, median(values)]));
  const own = medians.fslc ?? Number.NaN;
  const ratio = Object.fromEntries(sides.map(({ label }) => [label, (medians[label] ?? Number.NaN) / own]));
  return { name: it.name, what: it.what, seconds, median: medians, ratio } satisfies Result;
}

const versionsOf = (sides: readonly Side[]) =>
  Object.fromEntries(sides.map(({ label, version }) => [label, version()]));

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
      tensorflow: { type: "boolean", default: false },
    },
  });
  if (values.setup) return setUp(values.tensorflow);
  const unknown = positionals.find((name) => name !== "sampler" && !cases.some((it) => it.name === name));
  if (unknown !== undefined)
    throw new Error(`no case ${unknown}; there are ${cases.map((it) => it.name).join(", ")} and sampler`);
  const wanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

  const threads = Number(values.threads);
  const { sides, missing, stop } = sidesOf({
    threads,
    compiled: !values["no-compiled"],
    onednn: values.onednn,
    tensorflow: values.tensorflow,
  });
  for (const what of missing) print(what);
  const results: Result[] = [];
  let sampler: number | undefined;
  try {
    for (const it of cases.filter(({ name }) => wanted(name))) {
      const engine = await createEngine("onnx", { device: "cpu", threads });
      const result = await measure(
        it,
        engine,
        sides.filter((side) => side.has(it)),
        Number(values.rounds ?? it.rounds),
      );
      await engine.dispose();
      results.push(result);
      print(`${it.what}`);
      for (const [side, value] of Object.entries(result.median)) {
        const ratio = result.ratio[side];
        const lead = ratio === undefined ? "" : `   ${ratio.toFixed(2)}× our time`;
        print(`  ${side.padEnd(16)} ${value.toFixed(3).padStart(8)} s${lead}`);
      }
    }
    sampler = wanted("sampler") ? samplerRate() : undefined;
    if (sampler !== undefined) print(`sampler\n  fslc      ${Math.round(sampler).toLocaleString("en")} episodes/s`);
  } finally {
    stop();
  }

  const folder = join(packageRoot, ".bench");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replaceAll(":", "-")}.json`);
  const machine = { cpu: cpus()[0]?.model, threads, node: process.version, versions: versionsOf(sides) };
  writeFileSync(file, `${JSON.stringify({ machine, results, samplerEpisodesPerSecond: sampler }, null, 2)}\n`);
  print(`saved in ${file}`);
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
