/** PyTorch's side of the bench: a Python process in an environment of its own, asked line by line. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../src/runtime/package.js";

const folder = join(packageRoot, ".bench");
const python = join(folder, "venv", process.platform === "win32" ? "Scripts/python.exe" : "bin/python");

/** Makes the environment with the current PyTorch of PyPI. */
export async function setUp(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const system = process.env.PYTHON ?? "python3";
  if (!existsSync(python)) await finished(spawn(system, ["-m", "venv", join(folder, "venv")], { stdio: "inherit" }));
  await finished(spawn(python, ["-m", "pip", "install", "--upgrade", "torch", "numpy"], { stdio: "inherit" }));
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

export class Peer {
  version = "";
  private readonly lines: AsyncIterator<string>;

  private constructor(private readonly child: ChildProcess) {
    if (child.stdout === null) throw new Error("the peer has no output");
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Undefined where the environment was not made. */
  static start(threads: number): Peer | undefined {
    if (!existsSync(python)) return undefined;
    const script = join(packageRoot, "bench", "peer", "serve.py");
    return new Peer(spawn(python, [script, String(threads)], { stdio: ["pipe", "pipe", "inherit"] }));
  }

  /** Runs a case once, in seconds. */
  async run(name: string, mode: Mode): Promise<number> {
    this.child.stdin?.write(`${JSON.stringify({ case: name, mode, repeat: 1 })}\n`);
    const line = await this.lines.next();
    if (line.done === true) throw new Error("PyTorch's process ended");
    const answer = JSON.parse(line.value) as Answer;
    this.version = answer.version;
    const [only = Number.NaN] = answer.seconds;
    return only;
  }

  stop(): void {
    this.child.stdin?.end();
  }
}
