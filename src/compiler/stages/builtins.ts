/** Collects the built-ins that a stage's numbers rest on, each with the version of its numbers. */
import { loopsIn } from "../typed/loops.js";
import type { Block, Learn, Metric, Network, StageKind, TrainingStage, Transform } from "../typed/tree.js";
import { layersOf, walkExprs } from "../typed/walk.js";
import { modulesOf } from "./canonical/metric.js";
import {
  behaviorVersions,
  expressionVersions,
  layerVersions,
  minimizerVersions,
  optimizerVersions,
  scheduleVersions,
  transformVersions,
} from "./versions.js";

/** Behavior of the host, beside that of the stage's own kind. */
type Behavior = Exclude<keyof typeof behaviorVersions, StageKind>;

export class UsedBuiltins {
  private readonly used = new Map<string, number>();

  stage(kind: StageKind): void {
    this.used.set(`stage.${kind}`, behaviorVersions[kind]);
  }

  behavior(name: Behavior): void {
    this.used.set(name, behaviorVersions[name]);
  }

  transform({ op }: Transform): void {
    this.used.set(`transform.${op}`, transformVersions[op]);
  }

  network(network: Network): void {
    for (const { layer } of layersOf(network)) {
      this.used.set(`layer.${layer.op.kind}`, layerVersions[layer.op.kind]);
      if (layer.op.kind === "formula") this.block(layer.op.body);
    }
  }

  modules(learns: readonly Learn[]): void {
    for (const network of modulesOf(learns)) this.network(network);
  }

  block(block: Block): void {
    walkExprs(block, (e) => this.used.set(`expr.${e.k}`, expressionVersions[e.k]));
    for (const loop of loopsIn(block)) {
      if (loop.kind === "minimize") this.used.set(`minimize.${loop.by.method}`, minimizerVersions[loop.by.method]);
    }
  }

  /** A metric with all its fits and entries. A transductive entry draws the order of its queries. */
  metric({ learns, fits, entries }: Metric): void {
    this.modules(learns);
    for (const { statements, values } of fits) for (const { result } of values) this.block({ statements, result });
    for (const entry of Object.values(entries)) {
      this.block(entry.body);
      if (entry.transductive) this.behavior("query_order");
      if (entry.random) this.behavior("test_draws");
    }
  }

  /** The lines that every training stage has. Validation scores episodes as an `evaluate` does. */
  training({ loss, optimizer, schedule, validate }: TrainingStage): void {
    this.block(loss);
    this.used.set(`optimizer.${optimizer.kind}`, optimizerVersions[optimizer.kind]);
    this.used.set(`schedule.${schedule.kind}`, scheduleVersions[schedule.kind]);
    this.behavior("initial_weights");
    if (validate === undefined) return;
    this.metric(validate.metric);
    this.stage("evaluate");
    this.behavior("episode_sampler");
  }

  /** Returns the versions by `kind.name`, sorted. */
  get versions(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.used].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
