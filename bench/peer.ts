/** The other sides of the benchmark: processes with their own environment that answer requests line by line. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { engineEnvironment } from "../src/runtime/engines/environment.js";
import { findOnednn } from "../src/runtime/engines/onednn/locate.js";
import { findTensorflow } from "../src/runtime/engines/tensorflow/locate.js";
import { packageRoot } from "../src/runtime/system/package.js";
import type { Case } from "./cases.js";

const folder = join(packageRoot, ".bench");
const windows = process.platform === "win32";
const venv = join(folder, "venv");
const python = join(venv, windows ? "Scripts/python.exe" : "bin/python");
/** The Python package, of the same version as the wheel of the engine. */
const tensorflowRequirement = "tensorflow-cpu==2.21.0";

/** Makes the environment with the current PyTorch from PyPI. */
export async function setUp(tensorflow: boolean): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const system = process.env.PYTHON ?? "python3";
  if (!existsSync(python)) await finished(spawn(system, ["-m", "venv", venv], { stdio: "inherit" }));
  const packages = ["torch", "numpy", ...(tensorflow ? [tensorflowRequirement] : [])];
  await finished(spawn(python, ["-m", "pip", "install", "--upgrade", ...packages], { stdio: "inherit" }));
}

function finished(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`${child.spawnfile} ended with ${code}`))));
  });
}

export type Mode = "eager" | "compiled";
interface Answer {
  readonly seconds: readonly number[];
  readonly version: string;
}

/** A process that runs the case in each line and answers with its time in seconds. */
class Peer {
  version = "";
  private readonly lines: AsyncIterator<string>;

  constructor(private readonly child: ChildProcess) {
    if (child.stdout === null) throw new Error("the peer has no output");
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Runs a case once and returns the time in seconds. */
  async run(name: string, mode: Mode): Promise<number> {
    this.child.stdin?.write(`${JSON.stringify({ case: name, mode, repeat: 1 })}\n`);
    const line = await this.lines.next();
    if (line.done === true) throw new Error(`${this.child.spawnfile} ended`);
    const answer = JSON.parse(line.value) as Answer;
    this.version = answer.version;
    const [only = Number.NaN] = answer.seconds;
    return only;
  }

  stop(): void {
    this.child.stdin?.end();
  }
}

/** A system that a case runs on besides fslc's default engine. */
export interface Side {
  readonly label: string;
  has(it: Case): boolean;
  /** Returns the seconds for the work of one run of ours. */
  run(it: Case): Promise<number>;
  version(): string;
}

/** The number of episodes that are run of an evaluation that embeds every episode again. The total time is extrapolated. */
const sample = 10;

export interface Wanted {
  readonly threads: number;
  readonly compiled: boolean;
  readonly onednn: boolean;
  readonly tensorflow: boolean;
}

/** Returns the sides that this machine has, and what is missing of those that are requested. */
export function sidesOf({ threads, compiled, onednn, tensorflow }: Wanted) {
  const peers: Peer[] = [];
  const sides: Side[] = [];
  const missing: string[] = [];
  const start = (command: readonly string[], environment: Readonly<Record<string, string>> = {}): Peer => {
    const [program = "", ...rest] = command;
    const env = { ...process.env, ...environment };
    const peer = new Peer(spawn(program, [...rest, String(threads)], { stdio: ["pipe", "pipe", "inherit"], env }));
    peers.push(peer);
    return peer;
  };
  if (existsSync(python)) {
    const torch = start([python, join(packageRoot, "bench", "peer", "serve.py")]);
    sides.push(
      ...(["eager", "compiled"] as const).filter((mode) => compiled || mode === "eager").map(torchSide(torch)),
    );
  } else missing.push("PyTorch is not set up (npm run bench -- --setup).");
  const ownEngine = (name: "onednn" | "tensorflow"): void => {
    const apart = fileURLToPath(new URL("./apart.js", import.meta.url));
    const peer = start([process.execPath, apart, name], engineEnvironment({ name, device: "cpu", threads }));
    sides.push(single(`fslc, ${name}`, peer, () => true));
  };
  if (onednn && findOnednn() === undefined) missing.push("oneDNN is not installed (fslc engines install onednn).");
  else if (onednn) ownEngine("onednn");
  if (tensorflow && findTensorflow() === undefined)
    missing.push("TensorFlow is not installed (fslc engines install tensorflow).");
  else if (tensorflow) ownEngine("tensorflow");
  if (tensorflow && !pythonHas("tensorflow"))
    missing.push("TensorFlow's Python is not set up (npm run bench -- --setup --tensorflow).");
  else if (tensorflow) {
    const graph = start([python, join(packageRoot, "bench", "peer", "graph.py")]);
    sides.push(single("tensorflow graph", graph, (it) => it.graph === true));
  }
  const stop = (): void => {
    for (const peer of peers) peer.stop();
  };
  return { sides, missing, stop };
}

/** Tells whether the environment has a package. */
function pythonHas(name: string): boolean {
  const look = `import importlib.util, sys; sys.exit(importlib.util.find_spec(${JSON.stringify(name)}) is None)`;
  return existsSync(python) && spawnSync(python, ["-c", look]).status === 0;
}

const torchSide =
  (peer: Peer) =>
  (mode: Mode): Side => ({
    label: mode,
    has: (it) => it.modes.includes(mode),
    run: async (it) => {
      const runs = Math.min(it.peerRuns, sample);
      if (it.peerRuns > 1) await peer.run(it.name, mode);
      let seconds = 0;
      for (let run = 0; run < runs; run++) seconds += await peer.run(it.name, mode);
      return (seconds * it.peerRuns) / runs;
    },
    version: () => peer.version,
  });

function single(label: string, peer: Peer, has: (it: Case) => boolean): Side {
  return { label, has, run: (it) => peer.run(it.name, "eager"), version: () => peer.version };
}
