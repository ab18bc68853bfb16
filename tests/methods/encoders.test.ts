/**
 * The large encoders of the library in narrow versions, with the rules of docs/pretrained.md: their features are those of
 * torchvision, timm and a WRN in PyTorch, computed in 64 bits by `bench/peer/encoders.py`.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { lowerEmbed } from "../../src/compiler/lower/index.js";
import { networkWeights } from "../../src/compiler/typed/weights.js";
import { experimentOf, stageOf } from "../check/helper.js";
import { run, type Values } from "../lower/harness.js";

interface Encoder {
  readonly backbone: string;
  readonly pixels: number;
  /** Shape, and the range of the numbers, by name. */
  readonly tensors: Readonly<Record<string, readonly [readonly number[], number, number]>>;
  readonly features: readonly (readonly number[])[];
}
const fixture = new URL("../fixtures/torch-encoders.json", import.meta.url);
const encoders = JSON.parse(readFileSync(fixture, "utf8")) as Readonly<Record<string, Encoder>>;
const page = readFileSync(new URL("../../docs/pretrained.md", import.meta.url), "utf8");
const size = (shape: readonly number[]): number => shape.reduce((n, each) => n * each, 1);

/** The hash of `uniform` in `encoders.py`. */
function uniform(name: string, count: number): number[] {
  let seed = 2166136261;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 16777619);
  return Array.from({ length: count }, (_, i) => {
    let x = (seed + Math.imul(i, 2654435769)) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 2246822507);
    x = Math.imul(x ^ (x >>> 13), 3266489909);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  });
}

test.each(Object.entries(encoders))("%s", (name, { backbone, pixels, tensors, features }) => {
  const at = page.indexOf(`"${name}.safetensors" {`);
  const rules = page.slice(page.indexOf("{", at), page.indexOf("\n  }", at) + 4);
  const shapes = Object.entries(tensors).map(([path, [shape]]) => `${path} ${shape.join("×")}`);
  const experiment = experimentOf(
    `fsl 1
import { emoji } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
import { ${name} } from "fsl:backbones"
dataset d = emoji() {
  train resize(${pixels}), normalize
  eval resize(${pixels}), normalize(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
}
episode task = 2 way, 1 shot, 1 query
evaluate theirs {
  encoder ${backbone}  metric prototypes  episodes task from d.test, 2 episodes  report accuracy
  init encoder from "${name}.safetensors" ${rules}
}`,
    {},
    { [`${name}.safetensors`]: shapes.join("\n") },
  );
  const { encoder } = stageOf(experiment, "evaluate", "theirs");
  const [dataset] = Object.values(experiment.datasets);
  if (dataset === undefined) throw new Error("no data");
  const values: Values = {
    images: uniform("images", features.length * 3 * pixels ** 2).map((u) => Math.floor(u * 256)),
  };
  for (const { path, shape } of networkWeights("encoder", encoder.value)) {
    const source = encoder.file?.names[path] ?? "";
    const [, low, high] = tensors[source] ?? [[], Number.NaN, Number.NaN];
    values[path] = uniform(source, size(shape)).map((u) => low + u * (high - low));
  }
  const program = lowerEmbed(encoder.value, dataset, { batch: features.length, outputs: ["vector"], slot: "encoder" });
  const found = run(program, values).vector ?? [];
  const wanted = features.flat();
  expect(found).toHaveLength(wanted.length);
  const largest = Math.max(...wanted.map(Math.abs));
  const apart = Math.max(...wanted.map((value, i) => Math.abs(value - (found[i] ?? Number.NaN))));
  expect(apart / largest).toBeLessThan(1e-6);
});
