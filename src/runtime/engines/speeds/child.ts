/** The child process that measures an engine: NAME THREADS. Its last line on stdout is the result as JSON. */
import { elementCount } from "../../../compiler/tensor/shape.js";
import { Bystanders } from "../../system/bystanders.js";
import type { Handle, HostTensor } from "../engine.js";
import { createEngine, isEngineName } from "../index.js";
import type { Measured } from "./speeds.js";
import { trialStep, weightShapes } from "./step.js";

/** The time in ms that the steps take together, and the least number of them after the first two. */
const [enough, leastSteps] = [400, 5];

const [name = "", threads = "1"] = process.argv.slice(2);
if (!isEngineName(name)) throw new Error(`no engine ${name}`);
const engine = await createEngine(name, { device: "cpu", threads: Number(threads) });
const program = trialStep();
const executable = await engine.compile(program);
const values = (shape: readonly number[]): HostTensor => ({
  shape,
  dtype: "f32",
  data: Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(i) / 4),
});
let weights: Record<string, Handle> = Object.fromEntries(
  Object.entries(weightShapes).map(([weight, shape]) => [weight, engine.upload(values(shape))]),
);
const images = values(program.inputs[0]?.node.shape ?? []);
const bystanders = new Bystanders();
const before = process.cpuUsage();
let [best, total] = [Number.POSITIVE_INFINITY, 0];
for (let step = 0; step < 2 + leastSteps || total < enough; step++) {
  const start = performance.now();
  weights = { ...(await executable.run({ ...weights, images })).device };
  const taken = performance.now() - start;
  if (step < 2) continue;
  best = Math.min(best, taken);
  total += taken;
}
const { user, system } = process.cpuUsage(before);
const measured: Measured = { seconds: best / 1000, others: bystanders.share((user + system) / 1e6) };
process.stdout.write(`\n${JSON.stringify(measured)}\n`, () => process.exit(0));
