/**
 * fslc against PyTorch on the same cores: every round runs each side once, so that a noisy machine disturbs them alike.
 *   npm run bench -- --setup          make .bench/venv with PyTorch (several GB)
 *   npm run bench [-- CASE… --rounds N --threads N --no-compiled]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Engine } from "../src/runtime/engines/engine.js";
import { createEngine } from "../src/runtime/engines/index.js";
import { packageRoot } from "../src/runtime/package.js";
import { embedding, evaluation, heads, samplerRate, type Timed, trainingStep } from "./ours.js";
import { type Mode, Peer, setUp } from "./peer.js";

interface Case {
  readonly name: string;
  readonly what: string;
  readonly rounds: number;
  /** Rounds that are run and not counted. */
  readonly warm: number;
  readonly ours: (engine: Engine) => Promise<Timed>;
  /** Of the peer; none where it has no such case. */
  readonly modes: readonly Mode[];
  /** How many of the peer's runs are one of ours. */
  readonly peerRuns: number;
}

const EPISODES = 600;
const BOTH = ["eager", "compiled"] as const;
const CASES: readonly Case[] = [
  {
    name: "conv64",
    what: "training step, Conv64F 84 px, 5-way 5-shot 15-query, Adam",
    rounds: 7,
    warm: 2,
    ours: (engine) => trainingStep(engine, "conv64"),
    modes: BOTH,
    peerRuns: 1,
  },
  {
    name: "embed",
    what: "embedding of 100 images, Conv64F 84 px",
    rounds: 9,
    warm: 2,
    ours: (engine) => embedding(engine, "conv64", 100),
    modes: BOTH,
    peerRuns: 1,
  },
  {
    name: "omniglot",
    what: "training step, Conv64F 28 px, 20-way 1-shot 5-query, Adam",
    rounds: 15,
    warm: 3,
    ours: (engine) => trainingStep(engine, "omniglot"),
    modes: BOTH,
    peerRuns: 1,
  },
  {
    name: "small",
    what: "training step, Conv64F 28 px, 5-way 1-shot 5-query, Adam",
    rounds: 15,
    warm: 3,
    ours: (engine) => trainingStep(engine, "small"),
    modes: BOTH,
    peerRuns: 1,
  },
  {
    name: "maml",
    what: "MAML step, 5 inner steps second order, Conv32F 28 px, 4 episodes of 5-way 1-shot 15-query, Adam",
    rounds: 9,
    warm: 2,
    ours: (engine) => trainingStep(engine, "maml"),
    modes: ["eager"],
    peerRuns: 1,
  },
  {
    name: "resnet12",
    what: "training step, ResNet12 84 px, 5-way 5-shot 15-query, Adam",
    rounds: 3,
    warm: 1,
    ours: (engine) => trainingStep(engine, "resnet12"),
    modes: ["eager"],
    peerRuns: 1,
  },
  {
    name: "evaluate",
    what: `evaluation of ${EPISODES} episodes 5-way 1-shot 15-query on 20 × 600 images, Conv64F 84 px`,
    rounds: 1,
    warm: 0,
    ours: (engine) => evaluation(engine, "conv64", EPISODES),
    modes: ["eager"],
    peerRuns: EPISODES,
  },
  {
    name: "rfs",
    what: "logistic regressions of 600 episodes 5-way 5-shot 15-query, 640 cached features",
    rounds: 1,
    warm: 0,
    ours: (engine) => heads(engine, "rfs", "narrow"),
    modes: [],
    peerRuns: 1,
  },
  {
    name: "rfs-wide",
    what: "logistic regressions of 600 episodes 5-way 5-shot 15-query, 1600 cached features",
    rounds: 1,
    warm: 0,
    ours: (engine) => heads(engine, "rfs", "wide"),
    modes: [],
    peerRuns: 1,
  },
];
/** Of an evaluation that re-embeds every episode, so many episodes are run; the rest is proportion. */
const PEER_SAMPLE = 10;

interface Result {
  readonly name: string;
  readonly what: string;
  readonly seconds: Readonly<Record<string, readonly number[]>>;
  readonly median: Readonly<Record<string, number>>;
  /** The peer's median over ours. */
  readonly ratio: Readonly<Record<string, number>>;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

async function measure(it: Case, engine: Engine, peer: Peer | undefined, modes: readonly Mode[], rounds: number) {
  const ours = await it.ours(engine);
  const seconds: Record<string, number[]> = { fslc: [] };
  for (const mode of modes) seconds[mode] = [];
  const sample = Math.min(it.peerRuns, PEER_SAMPLE);
  for (let round = -it.warm; round < rounds; round++) {
    const own = await ours();
    if (round >= 0) seconds.fslc?.push(own);
    for (const mode of modes) {
      if (peer === undefined) continue;
      if (it.peerRuns > 1) await peer.run(it.name, mode);
      let theirs = 0;
      for (let run = 0; run < sample; run++) theirs += await peer.run(it.name, mode);
      if (round >= 0) seconds[mode]?.push((theirs * it.peerRuns) / sample);
    }
  }
  const medians = Object.fromEntries(Object.entries(seconds).map(([side, values]) => [side, median(values)]));
  const own = medians.fslc ?? Number.NaN;
  const ratio = Object.fromEntries(modes.map((mode) => [mode, (medians[mode] ?? Number.NaN) / own]));
  return { name: it.name, what: it.what, seconds, median: medians, ratio } satisfies Result;
}

function say(text: string): void {
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
    },
  });
  if (values.setup) return setUp();
  const unknown = positionals.find((name) => name !== "sampler" && !CASES.some((it) => it.name === name));
  if (unknown !== undefined)
    throw new Error(`no case ${unknown}; there are ${CASES.map((it) => it.name).join(", ")} and sampler`);
  const wanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

  const threads = Number(values.threads);
  const peer = Peer.start(threads);
  if (peer === undefined) say("PyTorch is not set up (npm run bench -- --setup): only our side runs.");
  const results: Result[] = [];
  let sampler: number | undefined;
  try {
    for (const it of CASES.filter(({ name }) => wanted(name))) {
      const modes = peer ? it.modes.filter((mode) => mode === "eager" || !values["no-compiled"]) : [];
      const engine = await createEngine("onnx", { device: "cpu", threads });
      const result = await measure(it, engine, peer, modes, Number(values.rounds ?? it.rounds));
      await engine.dispose();
      results.push(result);
      say(`${it.what}`);
      for (const [side, value] of Object.entries(result.median)) {
        const ratio = result.ratio[side];
        const lead = ratio === undefined ? "" : `   ${ratio.toFixed(2)}× our time`;
        say(`  ${side.padEnd(9)} ${value.toFixed(3).padStart(8)} s${lead}`);
      }
    }
    sampler = wanted("sampler") ? samplerRate() : undefined;
    if (sampler !== undefined) say(`sampler\n  fslc      ${Math.round(sampler).toLocaleString("en")} episodes/s`);
  } finally {
    peer?.stop();
  }

  const folder = join(packageRoot, ".bench");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${new Date().toISOString().replaceAll(":", "-")}.json`);
  const machine = { cpu: cpus()[0]?.model, threads, node: process.version, torch: peer?.version };
  writeFileSync(file, `${JSON.stringify({ machine, results, samplerEpisodesPerSecond: sampler }, null, 2)}\n`);
  say(`saved in ${file}`);
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
