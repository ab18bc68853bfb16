/** From a typed experiment to the graph of what has to be computed: one ingest for each dataset, then the stages. */

import { borrowsOf } from "../typed/borrows.js";
import { datasetOf, stageOf } from "../typed/find.js";
import { slotsOf } from "../typed/stage-kinds.js";
import type { Dataset, Experiment, Stage, StageKind } from "../typed/tree.js";
import { rulesOf } from "./kinds.js";

interface NodeBase {
  /** `data:<dataset id>` for an ingest; the stage's own id for a stage. */
  readonly id: string;
  readonly name: string;
  /** Ids of nodes that come before this one. */
  readonly needs: readonly string[];
}
export interface IngestNode extends NodeBase {
  readonly kind: "ingest";
  readonly dataset: Dataset;
}
export type StageNode =
  | IngestNode
  | (NodeBase & {
      readonly kind: StageKind;
      readonly stage: Stage;
    });

export interface StageGraph {
  /** Every node that a wanted stage needs, in an order in which each comes after its needs. */
  readonly nodes: readonly StageNode[];
}

const ingestPrefix = "data:";
export const ingestId = (dataset: string): string => `${ingestPrefix}${dataset}`;

/** Returns the dataset of an ingest's id, or undefined if the id is a stage's. */
export function ingestedDataset(id: string): string | undefined {
  return id.startsWith(ingestPrefix) ? id.slice(ingestPrefix.length) : undefined;
}

/** Returns the nodes that the wanted stages need. The wanted stages are those of the root file unless others are named. */
export function stageGraph(experiment: Experiment, wanted: readonly string[] = experiment.wanted): StageGraph {
  const nodes = new Map<string, StageNode>();
  const visit = (id: string): void => {
    if (nodes.has(id)) return;
    const stage = stageOf(experiment, id);
    const needs = stageNeeds(stage);
    needs.forEach(visit);
    const datasets = stageDatasets(stage);
    for (const name of datasets) {
      const ingest = ingestId(name);
      if (nodes.has(ingest)) continue;
      const dataset = datasetOf(experiment, name);
      nodes.set(ingest, { kind: "ingest", id: ingest, name: dataset.name, needs: [], dataset });
    }
    nodes.set(id, { kind: stage.kind, id, name: stage.name, needs: [...needs, ...datasets.map(ingestId)], stage });
  };
  wanted.forEach(visit);
  return { nodes: [...nodes.values()] };
}

/** Returns the ids of the stages whose weights a stage uses: those that fill its slots, and those that its loss or its metric calls. */
export function stageNeeds(stage: Stage): readonly string[] {
  const needs = new Set(stage.needs);
  for (const slot of Object.values(slotsOf(stage))) if (slot.from !== undefined) needs.add(slot.from.stage);
  for (const borrowed of borrowsOf(stage)) needs.add(borrowed.stage);
  return [...needs];
}

/** Returns the ids of the datasets that a stage reads. */
export function stageDatasets(stage: Stage): readonly string[] {
  return [
    ...new Set(
      rulesOf(stage)
        .reads(stage)
        .map(({ split }) => split.dataset),
    ),
  ];
}
