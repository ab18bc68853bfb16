/**
 * The child process of a trial. It loads the library of the first argument through koffi in the second one and multiplies two
 * matrices. Its last line on stdout is the result as JSON.
 */
import { wide } from "./layouts.js";
import { loadLibrary } from "./library.js";
import { Block } from "./memory.js";
import { primitiveStep } from "./steps.js";
import type { TrialOutcome } from "./trial.js";

const [path = "", koffi = ""] = process.argv.slice(2);
const library = loadLibrary({ library: path, koffi });
const description = library.make("stridedDescription", 2, wide([2, 2]), 3, wide([2, 1]));
const matmul = library.make("matmul", library.engine, description, description, null, description, null);
const tensors = [[1, 2, 3, 4], [5, 6, 7, 8], []].map((values, id) => {
  const block = new Block(library, 16);
  block.view("f32").set(values);
  return { block, slot: { id, bytes: 16, dtype: "f32", place: "bound" } as const };
});
const [source, weights, result] = tensors.map(({ slot }) => ({ slot, description }));
if (source === undefined || weights === undefined || result === undefined) throw new Error("three tensors");
primitiveStep(library, "matmul", library.make("primitive", matmul), {
  reads: [
    { argument: "source", ...source },
    { argument: "weights", ...weights },
  ],
  writes: [{ argument: "result", ...result }],
}).link({
  objects: [],
  watch: (slot, use) => {
    const block = tensors[slot.id]?.block;
    if (block !== undefined) use(block.view("f32"), block.address);
  },
})();
const outcome: TrialOutcome = {
  version: library.version,
  product: [...(tensors.at(-1)?.block.view("f32") ?? [])],
};
process.stdout.write(`\n${JSON.stringify(outcome)}\n`, () => process.exit(0));
