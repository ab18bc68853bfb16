/** From a typed experiment to the graph of what has to be computed: one ingest per dataset, then the stages. */
import type { Dataset, Experiment, PretrainStage, Stage } from "../typed/tree.js";
import { calledStages } from "../typed/walk.js";

/** `id` of an ingest is `data:<dataset id>`; of a stage, its own. `needs` are ids of nodes that come before it. */
export type StageNode =
  | {
      readonly kind: "ingest";
      readonly id: string;
      readonly name: string;
      readonly needs: readonly string[];
      readonly dataset: Dataset;
    }
  | {
      readonly kind: Stage["kind"];
      readonly id: string;
      readonly name: string;
      readonly needs: readonly string[];
      readonly stage: Stage;
    };

export interface StageGraph {
  /** Every node that a wanted stage needs, in an order in which each comes after its needs. */
  readonly nodes: readonly StageNode[];
}

export const ingestId = (dataset: string): string => `data:${dataset}`;

/** The nodes that the wanted stages (those of the root file unless others are named) need; the rest never runs. */
export function stageGraph(experiment: Experiment, wanted: readonly string[] = experiment.wanted): StageGraph {
  const stages = new Map(experiment.stages.map((stage) => [stage.id, stage]));
  const nodes = new Map<string, StageNode>();
  const visit = (id: string): void => {
    if (nodes.has(id)) return;
    const stage = stages.get(id);
    if (stage === undefined) throw new Error(`stage graph: no stage ${id}`);
    const needs = stageNeeds(stage);
    needs.forEach(visit);
    const datasets = stageDatasets(stage);
    for (const name of datasets) {
      const dataset = experiment.datasets[name];
      if (dataset === undefined) throw new Error(`stage graph: no dataset ${name}`);
      const ingest = ingestId(name);
      if (!nodes.has(ingest)) nodes.set(ingest, { kind: "ingest", id: ingest, name: dataset.name, needs: [], dataset });
    }
    nodes.set(id, { kind: stage.kind, id, name: stage.name, needs: [...needs, ...datasets.map(ingestId)], stage });
  };
  wanted.forEach(visit);
  return { nodes: [...nodes.values()] };
}

/** Ids of the stages whose weights a stage uses: those that fill its slots and those that its loss calls. */
export function stageNeeds(stage: Stage): readonly string[] {
  const needs = new Set(stage.needs);
  const slots = stage.kind === "pretrain" ? [stage.encoder, stage.head] : [stage.encoder, stage.metric];
  for (const slot of slots) if (slot.from !== undefined) needs.add(slot.from.stage);
  if (stage.kind !== "evaluate") for (const id of calledStages(stage.loss)) needs.add(id);
  return [...needs];
}

/** The finished stage that a loss calls. */
export function pretrainOf({ stages }: Experiment, id: string): PretrainStage {
  const found = stages.find((stage) => stage.id === id);
  if (found?.kind !== "pretrain") throw new Error(`${id} is no pretrain stage`);
  return found;
}

/** Ids of the datasets that a stage reads. */
export function stageDatasets(stage: Stage): readonly string[] {
  const ids = new Set<string>();
  if (stage.kind === "pretrain") ids.add(stage.data.dataset);
  if (stage.kind === "meta") ids.add(stage.episodes.split.dataset);
  if (stage.kind === "evaluate") for (const row of stage.rows) ids.add(row.split.dataset);
  else if (stage.validate !== undefined) ids.add(stage.validate.split.dataset);
  if (stage.kind !== "pretrain" && stage.fitFrom !== undefined) ids.add(stage.fitFrom.dataset);
  return [...ids];
}
