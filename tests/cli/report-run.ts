/** Writes the folder of an invented run, with an experiment and names that try to become markup. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RunEvent } from "../../src/runtime/events/events.js";
import { type Manifest, sealManifest } from "../../src/runtime/store/manifest.js";
import { resultsDir } from "../../src/runtime/store/run-results.js";
import { sha256 } from "../../src/runtime/system/sha256.js";
import { fakeRun } from "./fake-run.js";

/** A name that closes an element, starts a script, leaves an attribute, and turns a terminal red. */
export const hostile = `</td></svg><script>alert("x")</script>' onload='&amp;\x1b[31m\u202e`;

export const experimentText = `fsl 1
// The comment says <b>bold</b> & "more".
param shots = 1 shot
param note = "${hostile.replaceAll('"', "")}"
evaluate test { of proto  episodes task from d.test, 1000 episodes }
`;

type Start = Extract<RunEvent, { type: "run.start" }>;

/** Writes the folder into a project and returns the id of the run. Its start event can be changed. */
export function writeReportRun(projectDir: string, change: (start: Start) => Start = (start) => start): string {
  const events = fakeRun({ steps: 40, stepsPerEpoch: 10 });
  const [first, ...rest] = events;
  if (first?.type !== "run.start") throw new Error("a run starts with its start");
  const start: Start = change({
    ...first,
    file: "birds.fsl",
    inputs: {
      params: [
        { name: "shots", value: 5, unit: "shot", origin: "--set" },
        { name: "note", value: hostile, origin: "--params" },
        { name: "lr", value: 0.001, origin: "default" },
      ],
      asked: { engine: "onnx", threads: 2 },
      sources: [
        { id: "birds.fsl", sha256: sha256(experimentText), copy: "source/birds.fsl" },
        { id: "fsl:metrics", sha256: sha256("library") },
      ],
      files: [],
      system: { node: "v20.19.0", platform: "linux", arch: "x64" },
    },
  });
  const dir = join(projectDir, ".fslc", "runs", start.run);
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  write(join(dir, "events.ndjson"), [start, ...rest].map((event) => `${JSON.stringify(event)}\n`).join(""));
  write(join(dir, "source", "birds.fsl"), experimentText);
  write(join(resultsDir(dir, "test"), "manifest.json"), JSON.stringify(sealManifest(evaluation)));
  return start.run;
}

const classes = ["ant", hostile, "bee"];
const evaluation: Manifest = {
  format: 1,
  key: "a".repeat(64),
  stage: { id: "test", kind: "evaluate" },
  fslc: "0.1.0",
  created: "2026-01-01T12:00:00.000Z",
  seconds: 1.3,
  seed: 0,
  inputs: [],
  data: [],
  numerics: {
    engine: "onnx",
    version: "1.30.0",
    device: "cpu",
    threads: 2,
    arch: "x64",
    instructions: [],
    chunks: { images: 64, episodes: 50 },
  },
  weights: null,
  results: [{ metric: "accuracy", mean: 0.7831, ci95: 0.0061, episodes: 1000 }],
  history: [],
  reports: [
    {
      row: "",
      kind: "per_class",
      classes: [
        { name: "ant", queries: 10, accuracy: 0.9 },
        { name: hostile, queries: 10, accuracy: 0.5 },
        { name: "bee", queries: 10, accuracy: 1 },
      ],
    },
    {
      row: "",
      kind: "confusion",
      classes,
      cells: [
        [0, 0, 9],
        [0, 1, 1],
        [1, 1, 5],
        [1, 2, 5],
        [2, 2, 10],
      ],
    },
  ],
  files: [],
  output: "b".repeat(64),
};
