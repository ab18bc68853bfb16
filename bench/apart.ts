/** Runs an engine of fslc for the benchmark, in a process with the environment that its library reads: NAME THREADS PRECISION. It answers lines as serve.py does. */
import { createInterface } from "node:readline";
import { createEngine, isEngineName } from "../src/runtime/engines/index.js";
import { cases } from "./cases.js";
import type { Timed } from "./ours.js";
import type { Answer } from "./peer.js";

async function main(): Promise<void> {
  const [name = "", threads = "1", precision] = process.argv.slice(2);
  if (!isEngineName(name)) throw new Error(`no engine ${name}`);
  const rounding = precision === "bf16" ? ({ precision } as const) : {};
  const engine = await createEngine(name, { device: "cpu", threads: Number(threads), ...rounding });
  const made = new Map<string, Timed>();
  for await (const line of createInterface({ input: process.stdin })) {
    const { case: wanted } = JSON.parse(line) as { readonly case: string };
    const found = cases.find((it) => it.name === wanted);
    if (found === undefined) throw new Error(`no case ${wanted}`);
    const run = made.get(wanted) ?? (await found.ours(engine));
    made.set(wanted, run);
    const seconds = await run();
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    const version = engine.numerics.version;
    const answer: Answer = { seconds, version, cpu: (userCPUTime + systemCPUTime) / 1e6, peak: maxRSS * 1024 };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
