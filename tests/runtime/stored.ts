/** The output of a finished stage, as the tests of the store write it. */
import { numericsRecord } from "../../src/runtime/store/numerics.js";
import type { Finished } from "../../src/runtime/store/store.js";

export const key = "a".repeat(64);
export const engine = { engine: "onnx", version: "1.30.0", device: "cpu", threads: 2 };
export const chunks = { images: 64, episodes: 20 };

export const numerics = numericsRecord(engine, chunks);

export function finished(change: Partial<Finished> = {}): Finished {
  return {
    key,
    content: { stage: { lr: 1 } },
    stage: { id: "proto", kind: "meta" },
    fslc: "0.1.0",
    created: "2026-11-24T00:00:00.000Z",
    seconds: 1.5,
    seed: 0,
    inputs: [],
    data: [{ dataset: "d", digest: "abc", skipped: 0 }],
    numerics,
    results: [{ metric: "accuracy", mean: 0.5, ci95: Number.NaN, episodes: 1 }],
    history: [{ step: 1, epoch: 1, accuracy: 0.5, ci95: 0.1, episodes: 3, best: true }],
    reports: [{ row: "", kind: "confusion", classes: ["ant", "bee"], cells: [[0, 1, 3]] }],
    ...change,
  };
}
export const weights = (value: number): NonNullable<Finished["weights"]> => ({
  tensors: { "encoder.c.weight": { shape: [2], dtype: "f32", data: new Float32Array([value, -0]) } },
  from: { step: 10, epoch: 1, choice: "best" },
});
