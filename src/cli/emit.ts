/** `--emit PHASE`: the result of each phase of the compiler. Data is shown as JSON, programs as text. */
import type { CstNode } from "chevrotain";
import { parse } from "../../grammar/parse.js";
import { printableJson } from "../common/printable.js";
import {
  lowerClassify,
  lowerEmbed,
  lowerEpisodes,
  lowerFits,
  lowerTraining,
  type SegmentedProgram,
  type TrainingProgram,
} from "../compiler/lower/index.js";
import { stageGraph } from "../compiler/stages/graph.js";
import type { Program } from "../compiler/tensor/ir.js";
import { print } from "../compiler/tensor/print.js";
import { datasetOf } from "../compiler/typed/find.js";
import { stepKinds, trainingSplit } from "../compiler/typed/stage-kinds.js";
import type { EvaluateStage, Experiment, SplitRef, Stage, TrainingStage } from "../compiler/typed/tree.js";
import { lowerProgram } from "../runtime/engines/onnx/model.js";
import type { OnnxGraph, ValueInfo } from "../runtime/engines/onnx/proto.js";
import type { CompiledFile } from "../runtime/host/compile-file.js";
import { episodesInRun, imageEpisodesInRun, imagesPerRun } from "../runtime/stages/chunks.js";
import { outputsOf } from "../runtime/stages/classify.js";
import { emitPass } from "./emit-pass.js";
import type { EmitPhase } from "./emit-phases.js";
import { sourceReader } from "./experiment.js";

/**
 * Returns the text that `--emit` prints. `pass` names the pass after which tensor programs are shown.
 *
 * @throws UsageError if the tensor programs have no such pass.
 */
export function emit(phase: EmitPhase, compiled: CompiledFile, pass?: string): string {
  const { modules, experiment } = compiled;
  if (phase === "cst") return json(modules.slice(0, 1).map(({ id, text }) => concrete(parse(text, id).cst)));
  if (phase === "ast") return json(modules.map(({ id, tree }) => ({ id, tree })));
  if (experiment === undefined) return "";
  if (phase === "typed") {
    const { sources: _, ...typed } = experiment;
    return json(typed);
  }
  if (phase === "stages") {
    return json(stageGraph(experiment).nodes.map(({ kind, id, name, needs }) => ({ id, kind, name, needs })));
  }
  const source = sourceReader(compiled);
  if (pass !== undefined) return emitPass(pass, () => programsOf(experiment), source);
  const programs = programsOf(experiment);
  const texts = programs.map((p) => (phase === "tensor" ? print(p, { source }) : printOnnx(lowerProgram(p))));
  return `${texts.join("\n\n")}\n`;
}

/** Returns the concrete syntax tree without positions: rules by name, tokens as their text. */
function concrete(node: CstNode | undefined): unknown {
  if (node === undefined) return null;
  const children = Object.entries(node.children).map(([name, list]) => [
    name,
    list.map((child) => ("image" in child ? child.image : concrete(child))),
  ]);
  return { [node.name]: Object.fromEntries(children) };
}

const json = (value: unknown): string => `${printableJson(value, 2)}\n`;

/** Returns every program of the stages that a plain run executes and that can be lowered. */
function programsOf(experiment: Experiment): Program[] {
  return stageGraph(experiment).nodes.flatMap((node) =>
    node.kind === "ingest" || node.stage.blockers.length > 0 ? [] : stagePrograms(node.stage, experiment),
  );
}

function stagePrograms(stage: Stage, experiment: Experiment): Program[] {
  const dataset = ({ dataset: id }: SplitRef) => datasetOf(experiment, id);
  switch (stage.kind) {
    case "pretrain":
    case "meta":
      return stepKinds<TrainingStage>(stage).flatMap((kind) =>
        trainingPrograms(lowerTraining(kind, dataset(trainingSplit(kind)), { seed: 0 })),
      );
    case "evaluate":
      return stage.rows.flatMap((row) => evaluationPrograms(stage, row, dataset(row.split)));
  }
}

function evaluationPrograms(
  { encoder: { value: encoder }, embedOnce, report }: EvaluateStage,
  { metric, task, episodes }: EvaluateStage["rows"][number],
  dataset: Experiment["datasets"][string],
): Program[] {
  const fits = metric.fits.length > 0 ? inOrder(lowerFits(metric, encoder)) : [];
  if (!embedOnce.legal) {
    const perRun = imageEpisodesInRun(task, episodes);
    return [...fits, ...inOrder(lowerEpisodes(metric, task, encoder, dataset, { episodes: perRun, report, seed: 0 }))];
  }
  const embed = lowerEmbed(encoder, dataset, { batch: imagesPerRun, outputs: outputsOf(metric), slot: "encoder" });
  const width = embed.outputs.reduce((sum, { node }) => sum + node.shape.slice(1).reduce((a, b) => a * b, 1), 0);
  const perRun = episodesInRun(task, width, episodes);
  return [embed, ...fits, ...inOrder(lowerClassify(metric, task, encoder, { episodes: perRun, report, seed: 0 }))];
}

/** Returns the programs of a training step in the order in which they run: a step in parts ends with its update. */
const trainingPrograms = ({ parts, program }: TrainingProgram): Program[] =>
  parts === undefined ? [program] : [parts.program, program];

/** Returns the programs of the segments in the order in which the runtime runs them. */
const inOrder = ({ segments }: SegmentedProgram): Program[] => segments.map(({ program }) => program);

function printOnnx(graph: OnnxGraph): string {
  const value = ({ name, type, shape }: ValueInfo): string => `${name}: ${type}[${shape.join(", ")}]`;
  const nodes = graph.nodes.map(({ op, domain, inputs, outputs, attributes }) => {
    const settings = Object.entries(attributes).map(([key, v]) => `${key}=${JSON.stringify(v)}`);
    const name = domain === "" ? op : `${domain}.${op}`;
    return `  ${outputs.join(", ")} = ${name}(${[...inputs, ...settings].join(", ")})`;
  });
  return [
    `model ${graph.name} (${graph.nodes.length} nodes, ${graph.initializers.length} initializers)`,
    ...graph.inputs.map((v) => `  input ${value(v)}`),
    ...nodes,
    ...graph.outputs.map((v) => `  output ${value(v)}`),
  ].join("\n");
}
