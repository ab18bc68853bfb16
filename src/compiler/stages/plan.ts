/** Builds the plan of a run: every stage with its key, shapes, weights, work and memory, before anything runs. */
import { own } from "../../common/own.js";
import type { Dataset, Experiment, Stage } from "../typed/tree.js";
import type { Canonical } from "./canonical/value.js";
import { type IngestNode, ingestedDataset, type StageNode, stageGraph } from "./graph.js";
import { differencesInBrief, keyContent, keyDifferences, stageKey } from "./key.js";
import { rulesOf } from "./kinds.js";
import type { PlanOptions } from "./plan/options.js";
import type { IngestPlan, PlanBase, PlanReport, RunCause, StagePlan } from "./plan/report.js";

export function buildPlan(experiment: Experiment, options: PlanOptions): PlanReport {
  const planner = new Planner(experiment, options);
  const stages = stageGraph(experiment, options.wanted).nodes.map((node) =>
    node.kind === "ingest" ? ingestPlan(node, own(options.data, node.dataset.id)?.whole) : planner.stage(node),
  );
  const { name, peakFactor: _, support: __, ...engine } = options.engine;
  return { file: experiment.file, seed: options.seed, engine: name, ...engine, stages };
}

/** Plans stages one after the other. The key of a stage takes the outputs of those before it. */
class Planner {
  /** Digest of each stored stage's output, by stage id. */
  private readonly outputs: Record<string, string> = {};

  constructor(
    private readonly experiment: Experiment,
    private readonly options: PlanOptions,
  ) {}

  stage(node: Exclude<StageNode, IngestNode>): StagePlan {
    const { experiment, options } = this;
    return { ...this.base(node), ...rulesOf(node.stage).plan(node.stage, experiment, options) };
  }

  private base({ id, name, needs, stage }: Exclude<StageNode, IngestNode>): PlanBase {
    const { options } = this;
    const key = stageKey(stage, this.experiment, this.inputs);
    const found = key === undefined || options.force?.has(id) ? undefined : options.lookup(key);
    const status =
      found === undefined
        ? ({ cached: false, because: this.cause(stage, needs) } as const)
        : ({ cached: true, by: found.by } as const);
    if (found !== undefined) this.outputs[id] = found.output;
    const blockers = stage.blockers.map((blocker) => blocker.message);
    return { id, name, needs, key: key ?? "pending", status, blockers };
  }

  private get inputs() {
    return { seed: this.options.seed, outputs: this.outputs, data: this.options.data };
  }

  private cause(stage: Stage, needs: readonly string[]): RunCause {
    const { options, outputs } = this;
    if (options.force?.has(stage.id)) return { kind: "forced" };
    const content = keyContent(stage, this.experiment, this.inputs);
    if (content === undefined) {
      const waitsFor = needs.filter((need) => {
        const dataset = ingestedDataset(need);
        return dataset === undefined ? own(outputs, need) === undefined : own(options.data, dataset) === undefined;
      });
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

function ingestPlan({ id, name, dataset }: IngestNode, digest: string | undefined): IngestPlan {
  return {
    kind: "ingest",
    id,
    name,
    needs: [],
    key: digest ?? "pending",
    status: digest === undefined ? { cached: false, because: { kind: "not packed" } } : { cached: true },
    blockers: [],
    source: dataset.source,
    image: dataset.image,
    train: dataset.train,
    eval: dataset.eval,
    splits: splitsOf(dataset),
  };
}

function splitsOf({ facts }: Dataset): IngestPlan["splits"] {
  return Object.entries(facts?.splits ?? {}).map(([split, known]) => ({ split, ...known }));
}
