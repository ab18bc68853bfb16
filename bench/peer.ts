/** A process that runs one side of the benchmark: it answers requests line by line. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface Answer {
  readonly seconds: number;
  readonly version: string;
  /** The processor time in seconds that the process and its children have taken so far. */
  readonly cpu: number;
  /** The largest memory of the process so far, in bytes. */
  readonly peak: number;
}

export class Peer {
  /** The last answer. */
  last: Answer | undefined;
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  constructor([program = "", ...rest]: readonly string[], environment: Readonly<Record<string, string>>) {
    const env = { ...process.env, ...environment };
    this.child = spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"], env });
    if (this.child.stdout === null) throw new Error("the peer has no output");
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** Runs a case once and returns the time in seconds. */
  async run(name: string, mode: string): Promise<number> {
    this.child.stdin?.write(`${JSON.stringify({ case: name, mode })}\n`);
    const line = await this.lines.next();
    if (line.done === true) throw new Error(`${this.child.spawnfile} ended`);
    this.last = JSON.parse(line.value) as Answer;
    return this.last.seconds;
  }

  stop(): void {
    this.child.stdin?.end();
  }
}
