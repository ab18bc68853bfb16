/**
 * Compares the features of the large encoders with PyTorch's, in full size and from the same files of weights, which
 * `bench/peer/encoders.py --full FOLDER` writes: `node dist/bench/encoders.js FOLDER [ENGINE]`. The rules of the names are those
 * of docs/pretrained.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { lowerEmbed } from "../src/compiler/lower/index.js";
import { encoderWeights } from "../src/compiler/typed/weights.js";
import type { Engine } from "../src/runtime/engines/engine.js";
import { createEngine, engineNames, isEngineName } from "../src/runtime/engines/index.js";
import { compileFile } from "../src/runtime/host/compile-file.js";
import { loadInitialWeights } from "../src/runtime/stages/weights.js";
import { decodeSafetensors } from "../src/runtime/store/safetensors.js";
import { packageRoot } from "../src/runtime/system/package.js";

const [folder, name = "onnx"] = process.argv.slice(2);
if (folder === undefined || !isEngineName(name)) {
  console.error(`usage: node dist/bench/encoders.js FOLDER [${engineNames.join("|")}]`);
  process.exit(2);
}
const dir = resolve(folder);
const page = readFileSync(join(packageRoot, "docs/pretrained.md"), "utf8");
const pixels = { resnet50: 224, wrn28_10: 84, vit_small: 224, convnext_tiny: 224 };

/** Returns an experiment that takes the weights of the folder's file into an encoder. */
function textOf(encoder: string, side: number): string {
  const at = page.indexOf(`"${encoder}.safetensors" {`);
  const rules = page.slice(page.indexOf("{", at), page.indexOf("\n  }", at) + 4);
  return `fsl 1
import { emoji }      from "fsl:datasets"
import { prototypes } from "fsl:metrics"
import { ${encoder} } from "fsl:backbones"
dataset d = emoji() {
  train resize(${side}), normalize
  eval  resize(${side}), normalize(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
}
episode task = 2 way, 1 shot, 1 query
evaluate theirs {
  encoder ${encoder}  metric prototypes  episodes task from d.test, 2 episodes  report accuracy
  init encoder from "${encoder}.safetensors" ${rules}
}
`;
}

/** Returns the features of the folder's images, and PyTorch's features in 32 and in 64 bits. */
async function featuresOf(engine: Engine, encoder: string, side: number) {
  const file = join(dir, `${encoder}.fsl`);
  writeFileSync(file, textOf(encoder, side));
  const { experiment, project, diagnostics } = compileFile(file, { projectDir: dir });
  const [stage] = experiment?.stages ?? [];
  const [dataset] = Object.values(experiment?.datasets ?? {});
  if (stage?.kind !== "evaluate" || dataset === undefined || project === undefined)
    throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  const { images, features, exact } = decodeSafetensors(readFileSync(join(dir, `${encoder}.features.safetensors`)));
  if (images === undefined) throw new Error("no images");
  const slot = stage.encoder;
  const decls = encoderWeights(slot);
  const weights = loadInitialWeights(decls, { inputs: {}, seed: 0, project });
  const options = { batch: images.shape[0] ?? 0, outputs: ["vector"], slot: "encoder" } as const;
  const executable = await engine.compile(lowerEmbed(slot.value, dataset, options), weights);
  const { host } = await executable.run({ images });
  await executable.dispose();
  return { found: host["vector"]?.data ?? [], torch: features?.data ?? [], exact: exact?.data ?? [] };
}

/** Returns the largest difference, relative to the largest feature. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length || a.length === 0) return Number.NaN;
  let [difference, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Math.abs((a[i] ?? Number.NaN) - (b[i] ?? Number.NaN)));
    largest = Math.max(largest, Math.abs(b[i] ?? Number.NaN));
  }
  return difference / largest;
}

const engine = await createEngine(name, { device: "cpu", threads: 2 });
console.log(`encoder        pixels  ${name} − PyTorch f32  ${name} − PyTorch f64  PyTorch f32 − f64`);
for (const [encoder, side] of Object.entries(pixels)) {
  const { found, torch, exact } = await featuresOf(engine, encoder, side);
  const cells = [apart(found, torch), apart(found, exact), apart(torch, exact)].map((value) => value.toExponential(1));
  console.log(`${encoder.padEnd(14)} ${String(side).padEnd(7)} ${cells.map((cell) => cell.padEnd(17)).join("  ")}`);
}
await engine.dispose();
