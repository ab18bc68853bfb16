/** The sides of the benchmark: the engines of fslc, PyTorch in each of its modes, and TensorFlow's Python. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Precision } from "../src/runtime/engines/engine.js";
import { engineEnvironment } from "../src/runtime/engines/environment.js";
import type { EngineName } from "../src/runtime/engines/index.js";
import { findOnednn } from "../src/runtime/engines/onednn/locate.js";
import { findTensorflow } from "../src/runtime/engines/tensorflow/locate.js";
import { packageRoot } from "../src/runtime/system/package.js";
import type { Case } from "./cases.js";
import { Peer } from "./peer.js";

const folder = join(packageRoot, ".bench");
const windows = process.platform === "win32";
const venv = join(folder, "venv");
const python = join(venv, windows ? "Scripts/python.exe" : "bin/python");
/** The Python package, of the same version as the wheel of the engine. */
const tensorflowRequirement = "tensorflow-cpu==2.21.0";

/** Makes the environment with the current PyTorch and easyfsl from PyPI. */
export async function setUp(tensorflow: boolean): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const system = process.env.PYTHON ?? "python3";
  if (!existsSync(python)) await finished(spawn(system, ["-m", "venv", venv], { stdio: "inherit" }));
  const packages = ["torch", "numpy", "easyfsl", ...(tensorflow ? [tensorflowRequirement] : [])];
  await finished(spawn(python, ["-m", "pip", "install", "--upgrade", ...packages], { stdio: "inherit" }));
}

function finished(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`${child.spawnfile} ended with ${code}`))));
  });
}

/** The modes of PyTorch. The first is the one that most code uses: eager, with images as [n, c, h, w]. */
export const modes = ["eager", "eager, channels last", "compiled", "compiled, channels last"] as const;
export type Mode = (typeof modes)[number];
/** The modes of PyTorch with autocast, those in the layout that is better for it. */
const roundedModes = ["eager, channels last", "compiled, channels last"] as const satisfies readonly Mode[];

/** A system that runs the cases. */
export interface Side {
  readonly label: string;
  /** `ours` is an engine of fslc. */
  readonly kind: "ours" | "pytorch" | "other";
  readonly precision: Precision;
  has(it: Case): boolean;
  /** Starts a process for one case, so that its memory is that of the case. */
  start(it: Case): Running;
}
export interface Running {
  readonly peer: Peer;
  /** Returns the seconds for the work of one run of ours. */
  run(): Promise<number>;
}

/** The number of episodes that are run of an evaluation that takes one after the other. The total time is extrapolated. */
const sample = 10;

export interface Wanted {
  readonly threads: number;
  readonly compiled: boolean;
  readonly onednn: boolean;
  readonly bf16: boolean;
  readonly tensorflow: boolean;
}

/** Returns the sides that this machine has, and what is missing of those that are requested. */
export function sidesOf({ threads, compiled, onednn, bf16, tensorflow }: Wanted): { sides: Side[]; missing: string[] } {
  const missing: string[] = [];
  const sides: Side[] = [ownEngine("onnx", threads)];
  if ((onednn || bf16) && findOnednn() === undefined)
    missing.push("oneDNN is not installed (fslc engines install onednn).");
  else {
    if (onednn) sides.push(ownEngine("onednn", threads));
    if (bf16) sides.push({ ...ownEngine("onednn", threads, "bf16"), has: (it) => it.inBf16 === true });
  }
  if (tensorflow && findTensorflow() === undefined)
    missing.push("TensorFlow is not installed (fslc engines install tensorflow).");
  else if (tensorflow) sides.push(ownEngine("tensorflow", threads));
  const serve = [python, join(packageRoot, "bench", "peer", "serve.py"), String(threads)];
  if (!existsSync(python)) missing.push("PyTorch is not set up (npm run bench -- --setup).");
  else {
    const hasEasyfsl = pythonHas("easyfsl");
    if (!hasEasyfsl) missing.push("easyfsl is not set up (npm run bench -- --setup); the transductive cases need it.");
    const runs = (mode: Mode): boolean => compiled || !mode.startsWith("compiled");
    for (const mode of bf16 ? roundedModes.filter(runs) : [])
      sides.push({
        label: `PyTorch, ${mode}, bf16`,
        kind: "pytorch",
        precision: "bf16",
        has: (it) => it.inBf16 === true,
        start: (it) => running(serve, {}, it, `${mode}, bf16`),
      });
    for (const mode of modes.filter(runs))
      sides.push({
        label: `PyTorch, ${mode}`,
        kind: "pytorch",
        precision: "f32",
        has: (it) => it.modes.includes(mode) && (hasEasyfsl || it.easyfsl !== true),
        start: (it) => running(serve, {}, it, mode),
      });
  }
  if (tensorflow && !pythonHas("tensorflow"))
    missing.push("TensorFlow's Python is not set up (npm run bench -- --setup --tensorflow).");
  else if (tensorflow) {
    const graph = [python, join(packageRoot, "bench", "peer", "graph.py"), String(threads)];
    sides.push({
      label: "TensorFlow, graph",
      kind: "other",
      precision: "f32",
      has: (it) => it.graph === true,
      start: (it) => running(graph, {}, it, "eager"),
    });
  }
  return { sides, missing };
}

function ownEngine(name: EngineName, threads: number, precision: Precision = "f32"): Side {
  const apart = fileURLToPath(new URL("./apart.js", import.meta.url));
  const command = [process.execPath, apart, name, String(threads), precision];
  const environment = engineEnvironment({ name, device: "cpu", threads });
  return {
    label: `fslc, ${name}${precision === "f32" ? "" : `, ${precision}`}`,
    kind: "ours",
    precision,
    has: () => true,
    start: (it) => running(command, environment, { ...it, peerRuns: 1 }, "eager"),
  };
}

function running(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  { name, peerRuns }: Case,
  mode: Mode | `${Mode}, bf16`,
): Running {
  const peer = new Peer(command, environment);
  const runs = Math.min(peerRuns, sample);
  return {
    peer,
    async run() {
      if (peerRuns > 1) await peer.run(name, mode);
      let seconds = 0;
      for (let run = 0; run < runs; run++) seconds += await peer.run(name, mode);
      return (seconds * peerRuns) / runs;
    },
  };
}

/** Tells whether the environment has a package. */
function pythonHas(name: string): boolean {
  const look = `import importlib.util, sys; sys.exit(importlib.util.find_spec(${JSON.stringify(name)}) is None)`;
  return existsSync(python) && spawnSync(python, ["-c", look]).status === 0;
}
