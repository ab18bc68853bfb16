/**
 * The child process of a trial. It loads the addon of the first argument and multiplies two matrices, then tries to load each
 * library of the other arguments. Its last line on stdout is the result as JSON.
 */
import { boolAttribute, loadAddon, tensorflowTypes, typeAttribute } from "./binding.js";
import { isLoadable, type TrialOutcome } from "./trial.js";

const [addonPath = "", ...libraries] = process.argv.slice(2);
const addon = loadAddon(addonPath);
const attributes = [
  boolAttribute("transpose_a", false),
  boolAttribute("transpose_b", false),
  typeAttribute("T", "f32"),
];
const inputs = [
  [1, 2, 3, 4],
  [5, 6, 7, 8],
].map((values) => addon.createTensor([2, 2], tensorflowTypes.f32, new Float32Array(values)));
const [product] = addon.executeOp("MatMul", attributes, inputs, 1);
const outcome: TrialOutcome = {
  version: addon.TF_Version,
  gpu: addon.isUsingGpuDevice(),
  product: product === undefined ? [] : [...addon.tensorDataSync(product.id)],
  libraries: libraries.filter(isLoadable),
};
// A driver may crash at exit, so the process ends as soon as the line is written.
process.stdout.write(`\n${JSON.stringify(outcome)}\n`, () => process.exit(0));
