/** What can be done with a method of the library outside of a run: which ones take unequal supports, and which ones are one ONNX model. */
import { readdirSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { isTransductive, lowerClassifier, lowerEmbed } from "../../src/compiler/lower/index.js";
import { initialWeights } from "../../src/compiler/lower/weights.js";
import type { EvaluateStage, Experiment } from "../../src/compiler/typed/tree.js";
import { withShots } from "../../src/compiler/typed/unequal-shots.js";
import { encoderWeights, metricWeights } from "../../src/compiler/typed/weights.js";
import { portableModel, portableOpenModel } from "../../src/runtime/engines/onnx/portable.js";
import { compileFile, createFileCompiler } from "../../src/runtime/host/compile-file.js";

vi.setConfig({ testTimeout: 240_000 });

const label = { version: "0", metadata: {} };
const task = { way: 5, shot: 3, query: 4 };
const shots = [1, 2, 3, 3, 3];

interface Method {
  readonly name: string;
  readonly experiment: Experiment;
  readonly stage: EvaluateStage;
  /** Tells whether the method takes classes with different numbers of supports. */
  readonly unequal: boolean;
}

function methods(): Method[] {
  const pose = { stage: "test", tasks: [task, { ...task, shot: task.shot + 1 }] };
  return readdirSync("examples/methods").flatMap((file) => {
    const { experiment, posed } = compileFile(`examples/methods/${file}`, { pose });
    const stage = experiment?.stages.find(({ id }) => id === "test");
    const [metric, larger] = posed.get("test") ?? [];
    if (experiment === undefined || stage?.kind !== "evaluate") return []; // base.fsl has only a pretraining.
    if (metric === undefined || larger === undefined) throw new Error(`${file} was not posed`);
    const name = file.replace(".fsl", "");
    return [{ name, experiment, stage, unequal: !("why" in withShots(metric, larger, shots)) }];
  });
}

/** Tells how `fslc export --classifier` writes the method: for any number of queries, for that of the task, or not at all. */
function classifierOf({ experiment, stage }: Method): "open" | "fixed" | "fits" | "loops" | "operators" {
  const row = stage.rows[0];
  const dataset = experiment.datasets[row?.split.dataset ?? ""];
  if (row === undefined || dataset === undefined) throw new Error(`${stage.id} has no row`);
  const encoder = stage.encoder.value;
  const constants = initialWeights([...encoderWeights(stage.encoder), ...metricWeights(stage.metric, encoder)], 0);
  const lower = (query: number) => lowerClassifier(row.metric, { ...row.task, query }, encoder, dataset);
  const program = lower(row.task.query);
  if (row.metric.fits.length > 0) return "fits";
  if (program.segments.length > 1) return "loops";
  const open = isTransductive(row.metric) ? undefined : portableOpenModel({ name: "n", lower }, constants, label);
  if (open !== undefined) return "open";
  return portableModel(program, constants, label) === undefined ? "operators" : "fixed";
}

const all = methods();

test("the methods that take classes with different numbers of supports", () => {
  expect(all.filter(({ unequal }) => unequal).map(({ name }) => name)).toEqual([
    "bilinear",
    "can",
    "cosine-prototypes",
    "deep-bdc",
    "feat",
    "laplacian-shot",
    "nearest-neighbor",
    "prototypes",
    "relation",
    "simclr",
    "simple-shot",
    "versa",
  ]);
});

test("the methods that are one ONNX model of ONNX's own operators", () => {
  const forms: Record<string, string[]> = {};
  for (const method of all) {
    const form = classifierOf(method);
    forms[form] = [...(forms[form] ?? []), method.name];
  }
  expect(forms).toEqual({
    open: [
      "anil",
      "bi-frn",
      "bilinear",
      "can",
      "cosine-prototypes",
      "deep-bdc",
      "discriminative",
      "feat",
      "fine-tuning",
      "frn",
      "maml-inductive",
      "matching",
      "metaoptnet",
      "nearest-neighbor",
      "prototypes",
      "r2d2",
      "relation",
      "simclr",
      "tadam",
      "versa",
    ],
    fixed: ["bd-cspn", "boil", "dn4", "fomaml", "maml", "meta-sgd", "reptile", "tpn"],
    fits: ["distribution-calibration", "laplacian-shot", "simple-shot"],
    loops: [
      "alpha-tim",
      "baseline-plus",
      "baseline",
      "neg-cos",
      "pt-map",
      "rfs-distill",
      "rfs",
      "s2m2",
      "skd",
      "tim-adm",
      "tim",
      "transductive-fine-tuning",
    ],
  });
});

test.each(["conv64", "conv32", "conv_two_depths", "resnet12", "resnet18"])(
  "%s is one ONNX model for any number of images",
  (backbone) => {
    const text = `fsl 1
import { ${backbone} } from "fsl:backbones"
import { emoji } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
dataset d = emoji() { train resize(84), normalize  eval resize(84), normalize }
episode task = 5 way, 1 shot, 3 query
evaluate test { encoder untrained ${backbone}  metric prototypes  episodes task from d.test, 2 episodes  report accuracy }
`;
    const { experiment, diagnostics } = createFileCompiler()("one.fsl", text);
    const stage = experiment?.stages[0];
    const dataset = Object.values(experiment?.datasets ?? {})[0];
    if (stage === undefined || dataset === undefined) throw new Error(JSON.stringify(diagnostics));
    const constants = initialWeights(encoderWeights(stage.encoder), 0);
    const network = stage.encoder.value;
    const lower = (batch: number) => lowerEmbed(network, dataset, { batch, outputs: ["vector"], slot: "encoder" });
    expect(portableOpenModel({ name: "images", lower }, constants, label)).toBeInstanceOf(Uint8Array);
  },
);
