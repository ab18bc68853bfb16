/** The smallest real experiment: a folder of generated images, an eight-channel network, two ways. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import type {
  Dataset,
  EvaluateStage,
  Experiment,
  MetaStage,
  PretrainStage,
  SourceSplit,
} from "../../src/compiler/typed/tree.js";
import type { RunEvent } from "../../src/runtime/events/events.js";
import type { Run, RunSummary } from "../../src/runtime/run/run.js";
import type { Project } from "../../src/runtime/system/project.js";
import { schemaProblem } from "../../src/runtime/system/schema.js";
import {
  convNet,
  dataset,
  evaluation,
  image,
  meta,
  NetworkBuilder,
  pretrain,
  prototypes,
  sgd,
  slot,
  span,
} from "../lower/fixtures.js";

export const task = { way: 2, shot: 1, query: 3 };
const side = 20;
const perClass = 12;
const classes: Record<SourceSplit, number> = { train: 6, val: 3, test: 3 };

/** A project with images in it: each class is a pattern of stripes, each image a shifted and noisy one. */
export async function makeProject(): Promise<Project> {
  const dir = mkdtempSync(join(tmpdir(), "fslc-tiny-"));
  let seed = 1;
  const random = (): number => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  let pattern = 0;
  for (const split of ["train", "val", "test"] as const) {
    for (let c = 0; c < classes[split]; c++) {
      pattern++;
      const folder = join(dir, "images", split, `${split}-${c}`);
      mkdirSync(folder, { recursive: true });
      for (let i = 0; i < perClass; i++) {
        const shift = Math.floor(random() * 4);
        const pixels = Buffer.alloc(side * side * 3);
        for (let y = 0; y < side; y++) {
          for (let x = 0; x < side; x++) {
            const wave = Math.sin(((x + shift) * (pattern % 4) + y * Math.floor(pattern / 4)) / 2);
            for (let k = 0; k < 3; k++) pixels[(y * side + x) * 3 + k] = 128 + 80 * wave + 40 * (random() - 0.5);
          }
        }
        await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
          .png()
          .toFile(join(folder, `${i}.png`));
      }
    }
  }
  return { dir, home: join(dir, ".fslc") };
}

const normalize = { op: "normalize", mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
export const images: Dataset = dataset(3, side, {
  source: { kind: "folder", args: { root: "images" } },
  train: [{ op: "flip", p: 0.5 }, normalize],
  eval: [normalize],
});
const encoder = convNet(image(3, side), [8, 8]);
const features = encoder.outputs["vector"]?.[0]?.size ?? 0;
const metric = prototypes(task, features);

export const base: PretrainStage = pretrain(
  encoder,
  new NetworkBuilder(encoder.outputs["vector"] ?? []).linear(classes.train, "class").build(),
  classes.train,
  12,
  { duration: { epochs: 2, stepsPerEpoch: 6, perStep: 12 } },
);
export const proto: MetaStage = meta(encoder, metric, task, 2, {
  encoder: { ...slot(encoder), from: { stage: "base", slot: "encoder" } },
  needs: ["base"],
  optimizer: sgd({ lr: 0.05, momentum: 0.9 }),
  duration: { epochs: 3, stepsPerEpoch: 4, perStep: 2 },
  validate: { task, split: { dataset: "d", split: "val", span }, episodes: 20, everyEpochs: 1, keepBest: true, metric },
});
export const result: EvaluateStage = {
  ...evaluation("result", "proto", encoder, metric, task, 60),
  report: [{ kind: "accuracy" }, { kind: "confusion" }, { kind: "per_class" }],
};
/** No weights at all: pixels flattened, and the same metric. */
const pixels = new NetworkBuilder(image(3, side)).flatten().as("vector").build("pixels");
const pixelMetric = prototypes(task, 3 * side * side);
export const baseline: EvaluateStage = {
  ...result,
  id: "baseline",
  name: "baseline",
  needs: [],
  encoder: slot(pixels),
  metric: slot(pixelMetric),
  rows: result.rows.map((row) => ({ ...row, metric: pixelMetric })),
  report: [],
};

export function experiment(stages: Experiment["stages"] = [base, proto, result, baseline]): Experiment {
  const wanted = stages.map(({ id }) => id);
  return { file: "tiny.fsl", params: [], datasets: { d: images }, stages, wanted };
}

export interface Played {
  readonly summary: RunSummary;
  readonly events: readonly RunEvent[];
}

/** Reads a run to its end; every event must follow the schema. */
export async function follow(run: Run, onEvent: (event: RunEvent) => void = () => {}): Promise<Played> {
  const events: RunEvent[] = [];
  for await (const event of run.events) {
    const problem = schemaProblem("event", JSON.parse(JSON.stringify(event)));
    if (problem !== undefined) throw new Error(`${JSON.stringify(event)}: ${problem}`);
    events.push(event);
    onEvent(event);
  }
  return { summary: await run.done, events };
}
