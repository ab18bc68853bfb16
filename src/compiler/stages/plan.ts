/** Builds the plan of a run: every stage with its key, shapes, weights, work and memory, before anything runs. */
import { own } from "../../common/own.js";
import type { DataDigests, Dataset, Experiment, Stage } from "../typed/tree.js";
import type { Canonical } from "./canonical/value.js";
import { ingestedDataset } from "./graph.js";
import { differencesInBrief, keyContent, keyDifferences, type StageInputs, stageKey } from "./key.js";
import { rulesOf } from "./kinds.js";
import { Costs } from "./plan/costs.js";
import type { PlanOptions } from "./plan/options.js";
import type { Continues, IngestPlan, PlanBase, PlanReport, RunCause, StagePlan, StageStatus } from "./plan/report.js";
import { inputsOf, type VariantGraph, type VariantNode, variantGraph } from "./variants.js";

/** Returns the plan of an experiment or, with the graph of its variants, of all of them. */
export function buildPlan(
  experiment: Experiment,
  options: PlanOptions,
  graph: VariantGraph = variantGraph([{ experiment, seed: options.seed, values: {} }]),
): PlanReport {
  const planner = new Planner(options);
  const stages = graph.nodes.map((node) => planner.node(node));
  const { name, peakFactor: _, support: __, ...engine } = options.engine;
  const seeds = [...new Set(graph.variants.map(({ seed }) => seed))];
  const file = { file: experiment.file, seed: options.seed, ...(seeds.length > 1 ? { seeds } : {}) };
  return { ...file, engine: name, ...engine, stages };
}

/** Plans stages one after the other. The key of a stage takes the outputs of those before it. */
class Planner {
  /** The digest of the output of each stored stage, by the id of its node. */
  private readonly outputs = new Map<string, string>();

  private readonly costs: Costs | undefined;

  constructor(private readonly options: PlanOptions) {
    this.costs = options.costs === false ? undefined : new Costs(options);
  }

  node(node: VariantNode): StagePlan {
    return node.of.kind === "ingest"
      ? ingestPlan(node, node.of.dataset, this.dataOf(node.id)?.whole, this.decoded(node.id))
      : this.stage(node, node.of.stage);
  }

  private stage(node: VariantNode, stage: Stage): StagePlan {
    return { ...this.base(node, stage), ...rulesOf(stage).plan(stage, node.experiment, this.costs) };
  }

  private base(node: VariantNode, stage: Stage): PlanBase {
    const { options } = this;
    const { id, name, needs } = node;
    const key = stageKey(stage, node.experiment, this.inputs(node));
    const found = key === undefined || options.force?.has(id) ? undefined : options.lookup(key);
    const status =
      found === undefined
        ? notCached(this.cause(node, stage), key === undefined ? undefined : this.unfinished(node, key))
        : ({ cached: true, by: found.by, seconds: found.seconds } as const);
    if (found !== undefined) this.outputs.set(id, found.output);
    const blockers = stage.blockers.map((blocker) => blocker.message);
    return { id, name, needs, key: key ?? "pending", status, blockers };
  }

  /** Returns what is not repeated of a stage that has not ended. */
  private unfinished({ id, sameAs }: VariantNode, key: string): Continues | undefined {
    const { force, unfinished } = this.options;
    return sameAs !== undefined || force?.has(id) ? undefined : unfinished?.(key);
  }

  private decoded(ingest: string): Continues | undefined {
    return own(this.options.decoded ?? {}, ingestedDataset(ingest) ?? ingest);
  }

  private inputs(node: VariantNode): StageInputs {
    const inputs = inputsOf(
      node,
      (id) => this.outputs.get(id),
      (id) => this.dataOf(id),
    );
    return { seed: node.seed, ...inputs };
  }

  /** Returns the digests of the data that a node packs, if they are packed. */
  private dataOf(ingest: string): DataDigests | undefined {
    return own(this.options.data, ingestedDataset(ingest) ?? ingest);
  }

  private cause(node: VariantNode, stage: Stage): RunCause {
    const { options, outputs } = this;
    if (options.force?.has(node.id)) return { kind: "forced" };
    if (node.sameAs !== undefined) return { kind: "same", as: node.sameAs };
    const content = keyContent(stage, node.experiment, this.inputs(node));
    if (content === undefined) {
      const waitsFor = node.needs.filter((need) =>
        ingestedDataset(need) === undefined ? !outputs.has(need) : this.dataOf(need) === undefined,
      );
      return { kind: "waits", for: waitsFor };
    }
    const [differences = []] = (options.stored ?? [])
      .filter((other) => kindOf(other) === kindOf(content))
      .map((other) => keyDifferences(other, content))
      .sort((a, b) => a.length - b.length);
    return { kind: "not stored", differs: differencesInBrief(differences) };
  }
}

/** Returns the kind of stage in the content of a key. */
function kindOf(content: Canonical): Canonical | undefined {
  return fieldOf(fieldOf(content, "stage"), "kind");
}

function fieldOf(value: Canonical | undefined, name: string): Canonical | undefined {
  return value !== null && typeof value === "object" && name in value
    ? (value as Readonly<Record<string, Canonical>>)[name]
    : undefined;
}

function notCached(because: RunCause, continues: Continues | undefined): StageStatus {
  return { cached: false, because, ...(continues === undefined ? {} : { continues }) };
}

function ingestPlan(
  { id, name, sameAs }: VariantNode,
  dataset: Dataset,
  digest: string | undefined,
  decoded: Continues | undefined,
): IngestPlan {
  const because: RunCause = sameAs === undefined ? { kind: "not packed" } : { kind: "same", as: sameAs };
  return {
    kind: "ingest",
    id,
    name,
    needs: [],
    key: digest ?? "pending",
    status: digest === undefined ? notCached(because, sameAs === undefined ? decoded : undefined) : { cached: true },
    blockers: [],
    source: dataset.source,
    image: dataset.image,
    train: dataset.train,
    eval: dataset.eval,
    splits: splitsOf(dataset),
  };
}

function splitsOf({ facts }: Dataset): IngestPlan["splits"] {
  return Object.entries(facts?.splits ?? {}).flatMap(([split, { classes, images, smallest }]) => {
    return split.includes("+") ? [] : [{ split, classes, images, smallest }];
  });
}
