/** Runs fslc's TensorFlow engine for the benchmark, in a process with the environment that its library reads. */
import { createInterface } from "node:readline";
import { createEngine } from "../src/runtime/engines/index.js";
import { cases } from "./cases.js";
import type { Timed } from "./ours.js";

async function main(): Promise<void> {
  const engine = await createEngine("tensorflow", { device: "cpu", threads: Number(process.argv[2] ?? 1) });
  const made = new Map<string, Timed>();
  for await (const line of createInterface({ input: process.stdin })) {
    const { case: name } = JSON.parse(line) as { readonly case: string };
    const found = cases.find((it) => it.name === name);
    if (found === undefined) throw new Error(`no case ${name}`);
    const run = made.get(name) ?? (await found.ours(engine));
    made.set(name, run);
    process.stdout.write(`${JSON.stringify({ seconds: [await run()], version: engine.numerics.version })}\n`);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
