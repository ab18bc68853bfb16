/**
 * One training step as one program: forward, backward and update. The episodes of a step are emitted one after the other,
 * each with its backward pass, so that the peak of memory is that of one episode. Their gradients and batch-norm statistics
 * are averaged.
 */
import { CompilerBug } from "../../../common/bug.js";
import { gradient } from "../../tensor/derivative.js";
import { Graph } from "../../tensor/graph.js";
import type { Node, Program } from "../../tensor/ir.js";
import { borrowsOf } from "../../typed/borrows.js";
import { frozenSlots } from "../../typed/stage-kinds.js";
import { imagesIn, queriesIn } from "../../typed/tasks.js";
import type {
  Dataset,
  EntryParam,
  MetaStage,
  Metric,
  PretrainStage,
  Statement,
  Task,
  TrainingStage,
} from "../../typed/tree.js";
import { borrowedWeights, stageWeights, validationWeights, type WeightDecl } from "../../typed/weights.js";
import { lowerBlock } from "../block.js";
import { describedTensor } from "../described.js";
import { Draws } from "../draws.js";
import { imageInput, imageShape, lowerImages } from "../images.js";
import {
  credit,
  isTransductive,
  labelFeed,
  MetricLowering,
  meanOfAll,
  orderFeed,
  rowAxis,
  rowsOfAll,
} from "../metric.js";
import { maxFloat, NamedOps, type NamedTensor, queryAxis, sizeOf, taskAxis } from "../named-tensor.js";
import { type RecordedStatistics, runningStatistics } from "../networks/batch-statistics.js";
import { Calls, modulesOf, type PlacedNetwork } from "../networks/calls.js";
import { assemble } from "../program.js";
import { WeightTable } from "../weights.js";
import { lowerAccumulation, type StepParts } from "./accumulation.js";
import { stageFeeds } from "./stage-feeds.js";
import { type ExtraState, lowerUpdate, reportedGradients, type StepGradient } from "./update.js";

export type { ExtraState } from "./update.js";

/**
 * The program of a training step.
 *
 * - Feeds: in pretraining `images` u8 [B, C, H, W], or [V·B, C, H, W] view by view, and `labels` i32 [B]; of episodes `images` u8
 *   [E, images, C, H, W]: supports and queries, both class-major, and then the images without labels, and `way.<description>` f32
 *   [E, way, …] for each description of classes. A transductive metric also takes `order` i32 [E, way·query] (`lowerClassify`).
 * - Host outputs, all scalars: `loss`, `accuracy`, `finite` (bool: the loss and the gradient norm are finite), `lr`.
 * - Device outputs, if the stage reports gradients: the gradient of the step for each trained weight, before clipping and weight
 *   decay, by `gradientName`.
 * - Weights that no step changes have the role `weight`.
 */
export interface TrainingProgram {
  readonly weights: readonly WeightDecl[];
  readonly extra: readonly ExtraState[];
  readonly program: Program;
  /** The paths of the weights that the optimizer moves, in order. */
  readonly trained: readonly string[];
  /** The paths of the weights of the stage itself, which are its result. */
  readonly own: readonly string[];
  /** The paths of those whose average (the state `ema:<path>`) is validated and stored instead. */
  readonly averaged: readonly string[];
  /** The parts of a step. If it has parts, `program` is the update after them, without feeds, `loss` and `accuracy`. */
  readonly parts?: StepParts;
}

export interface TrainingOptions {
  readonly seed: number;
}

/** The result of the forward pass of episodes or, in pretraining, of the images of a step or part. */
interface LossAndAccuracy {
  readonly loss: NamedTensor;
  readonly accuracy: NamedTensor;
}

/** The episodes or parts of a step. Each has random draws of its own. */
interface StepEpisodes {
  /** The number of episodes or parts in a step. */
  readonly perStep: number;
  /** The number of them in one run of the program: all episodes of a step, or one part. */
  readonly perRun: number;
  /** The number of them that one forward pass computes side by side. */
  readonly perPass: number;
  /** Lowers the forward pass that starts at this episode. Returns sums over its episodes. */
  readonly forward: (episode: number) => LossAndAccuracy;
}

/** Returns the program of a training step of a stage. */
export function lowerTraining(stage: TrainingStage, dataset: Dataset, options: TrainingOptions): TrainingProgram {
  return new TrainingLowering(stage, dataset, options).lower();
}

class TrainingLowering {
  private readonly graph = new Graph();
  private readonly ops = new NamedOps(this.graph);
  private readonly step: Node = this.ops.t.input("step", [], "i32");
  private readonly decls: readonly WeightDecl[];
  private readonly weights: WeightTable;
  /** The batch-norm statistics of the calls of the step. */
  private readonly records: RecordedStatistics[] = [];
  private readonly episodes: StepEpisodes;
  /** The number of the part in its step: an i32 scalar. It is undefined if a step has no parts. */
  private readonly part: Node | undefined;

  constructor(
    private readonly stage: TrainingStage,
    private readonly dataset: Dataset,
    private readonly options: TrainingOptions,
  ) {
    const all = [...stageWeights(stage), ...borrowedWeights(borrowsOf(stage)), ...validationWeights(stage)];
    // A network that both the loss and the validation call has its weights once.
    this.decls = [...new Map(all.map((decl) => [decl.path, decl])).values()];
    this.weights = new WeightTable(this.graph, this.decls);
    this.episodes = this.episodesOf(stage);
    this.part = stage.duration.parts === undefined ? undefined : this.ops.t.input("part", [], "i32");
  }

  lower(): TrainingProgram {
    const { ops, stage, decls, weights, step } = this;
    const { t } = ops;
    const forward = this.gradients();
    const { loss, accuracy, trained } = forward;
    const own = stageWeights(stage).map(({ path }) => path);
    const common = { weights: decls, own, trained: trained.map(({ path }) => path) };
    if (this.part !== undefined) {
      const { parts, program, update, extra } = lowerAccumulation(
        ops,
        { stage, decls, count: this.episodes.perStep },
        { ...forward, part: this.part },
      );
      return { ...common, extra: [...update.extra, ...extra], averaged: update.averaged, program, parts };
    }
    const { states, extra, averaged, square, lr } = lowerUpdate(ops, { stage, weights, step }, forward);
    const finite = t.and(t.le(t.abs(loss), maxFloat), t.le(square, maxFloat));
    const program = assemble({
      name: stage.id,
      host: { loss, accuracy, finite, lr },
      states,
      device: reportedGradients(stage, forward),
      feeds: ["images", labelFeed, orderFeed, ...stageFeeds(stage)],
    });
    return { ...common, extra, averaged, program };
  }

  /** Returns the loss and its gradient: the mean over the episodes of a step, or that of a pretraining step or part. */
  private gradients(): StepGradient & { readonly loss: Node; readonly accuracy: Node } {
    const { ops } = this;
    const { t } = ops;
    const { perRun, perPass, forward } = this.episodes;
    const losses: NamedTensor[] = [];
    const accuracies: NamedTensor[] = [];
    let trained: readonly WeightDecl[] = [];
    let gradients: Node[] = [];
    for (let episode = 0; episode < perRun; episode += perPass) {
      const { loss, accuracy } = forward(episode);
      losses.push(loss);
      accuracies.push(accuracy);
      if (episode === 0) trained = this.trainable();
      const own = gradient(
        this.graph,
        loss.node,
        trained.map((decl) => this.weights.node(decl.path)),
      );
      gradients = episode === 0 ? own : gradients.map((sum, i) => t.add(sum, own[i] ?? sum));
    }
    const mean = (node: Node): Node => (perRun === 1 ? node : t.mul(node, 1 / perRun));
    const total = (values: readonly NamedTensor[]): Node =>
      mean(values.map((v) => v.node).reduce((a, b) => t.add(a, b)));
    return {
      loss: total(losses),
      accuracy: total(accuracies),
      trained,
      gradients: gradients.map(mean),
      statistics: runningStatistics(ops, this.records),
    };
  }

  // ------------------------------------------------------------ forward

  /** Returns how the episodes of a step are divided. The parts of a `pretrain` step take the place of episodes. */
  private episodesOf(stage: TrainingStage): StepEpisodes {
    switch (stage.kind) {
      case "pretrain": {
        const perStep = stage.duration.parts ?? 1;
        return { perStep, perRun: 1, perPass: 1, forward: () => this.pretrainForward(stage) };
      }
      case "meta": {
        const { perStep } = stage.duration;
        const perPass = adaptsEncoder(stage.metric.value) ? perStep : 1;
        return { perStep, perRun: perStep, perPass, forward: (episode) => this.metaForward(stage, episode, perPass) };
      }
    }
  }

  /** Lowers `perPass` episodes side by side, from number `episode` of the step on. Returns sums over them. */
  private metaForward(stage: MetaStage, episode: number, perPass: number): LossAndAccuracy {
    const { ops } = this;
    const { task } = stage.episodes;
    const count = imagesIn(task);
    const all = imageInput(ops, "images", this.dataset, this.episodes.perStep, count);
    const own = ops.t.sliceAxis(all, 0, episode, episode + perPass);
    const flat = ops.t.reshape(own, imageShape(this.dataset, perPass * count));
    const images = this.splitTasks(lowerImages(ops, flat, this.dataset.train, rowAxis), rowAxis, perPass);
    const metric = stage.metric;
    const calls = this.createCalls(episode, perPass, {
      modules: modulesOf("metric", metric.value.learns, metric.frozen),
    });
    const values = (form: string): NamedTensor =>
      form === "image"
        ? images
        : calls.apply({ target: { kind: "slot", slot: "encoder" }, x: images, output: form, norm: "phase" });
    const lowering = new MetricLowering(ops, {
      metric: metric.value,
      task,
      rows: rowsOfAll(ops, task, values),
      described: (param) => this.described(param, episode, perPass),
      calls,
      weights: this.weights,
      order: isTransductive(metric.value) ? this.ofQueries(orderFeed, rowAxis, task, episode, perPass) : undefined,
      labels: task.dirichlet === undefined ? undefined : this.ofQueries(labelFeed, queryAxis, task, episode, perPass),
      loops: { phase: "training" },
    });
    const loss = lowerBlock(ops, stage.loss, {
      param: (name) => {
        throw new CompilerBug(`a meta stage's loss has no parameter ${name}`);
      },
      learn: (name) => {
        throw new CompilerBug(`a meta stage's loss cannot read ${name}`);
      },
      apply: (application) => calls.apply(application),
      entryLoss: (entry) => lowering.loss(entry),
      draws: calls.draws,
    });
    const accuracy = meanOfAll(ops, lowering.credit(1));
    return { loss: sumOverTasks(ops, loss, perPass), accuracy: sumOverTasks(ops, accuracy, perPass) };
  }

  /** Returns what a parameter tells of the classes of `perPass` episodes from number `episode` of the step on. */
  private described(param: EntryParam, episode: number, perPass: number): NamedTensor {
    const { ops } = this;
    const all = describedTensor(ops, "way", param, [{ name: taskAxis, size: this.episodes.perStep }]);
    const own = ops.slice(all, taskAxis, episode, episode + perPass);
    if (perPass > 1) return own;
    const shape = own.axes.filter((name) => name !== taskAxis).map((name) => ({ name, size: sizeOf(own, name) }));
    return ops.reshape(own, shape);
  }

  /** Returns a feed with a number for each query of the episodes: its way, or its place in the order in which a metric sees them. */
  private ofQueries(feed: string, axis: string, task: Task, episode: number, perPass: number): NamedTensor {
    const { t } = this.ops;
    const queries = queriesIn(task);
    const all = t.input(feed, [this.episodes.perStep, queries], "i32");
    const flat = t.reshape(t.sliceAxis(all, 0, episode, episode + perPass), [perPass * queries]);
    return this.splitTasks(this.ops.of(flat, [axis]), axis, perPass);
  }

  private pretrainForward(stage: PretrainStage): LossAndAccuracy {
    const { ops } = this;
    const batch = stage.duration.perStep / this.episodes.perStep;
    const feed = imageInput(ops, "images", this.dataset, (stage.views ?? 1) * batch);
    const all = lowerImages(ops, feed, this.dataset.train, "item");
    const item = { name: "item", size: batch };
    const images =
      stage.views === undefined ? all : ops.split(all, "item", [{ name: "view", size: stage.views }, item]);
    const labels = ops.of(ops.t.input("labels", [batch], "i32"), ["item"]);
    const calls = this.createCalls(this.part ?? 0, 1, {
      head: this.placedNetwork("head", stage.head),
      modules: modulesOf("learn", stage.learns, false),
    });
    // The training accuracy is that of the first logits over the classes that the loss computes.
    let logits: NamedTensor | undefined;
    const loss = lowerBlock(ops, stage.loss, {
      param: (name) => {
        const param = stage.described?.find((own) => own.name === name);
        if (param !== undefined) return describedTensor(ops, "class", param, []);
        return name === "x" ? images : labels;
      },
      learn: (name) => this.learned(stage, name),
      apply: (application) => {
        const value = calls.apply(application);
        const { target } = application;
        if (target.kind === "slot" && target.slot === "head" && value.axes.includes("class")) logits ??= value;
        return value;
      },
      entryLoss: (entry) => {
        throw new CompilerBug(`a pretrain stage has no entry ${entry}`);
      },
      draws: calls.draws,
      loops: { calls, phase: "training" },
    });
    const accuracy =
      logits !== undefined ? meanOfAll(ops, credit(ops, logits, labels, "class", 1)) : ops.scalar(Number.NaN);
    return { loss, accuracy };
  }

  /** Splits episodes that are one after the other on an axis, onto the task axis if there are several. */
  private splitTasks(x: NamedTensor, axis: string, episodes: number): NamedTensor {
    if (episodes === 1) return x;
    return this.ops.split(x, axis, [
      { name: taskAxis, size: episodes },
      { name: axis, size: sizeOf(x, axis) / episodes },
    ]);
  }

  private createCalls(
    episode: number | Node,
    perPass: number,
    more: { readonly head?: PlacedNetwork; readonly modules?: ReadonlyMap<string, PlacedNetwork> },
  ): Calls {
    const { ops } = this;
    const { t } = ops;
    const first = t.cast(t.add(t.mul(this.step, this.episodes.perStep), episode), "u32");
    const counter =
      perPass === 1
        ? ops.of(first, [])
        : ops.of(t.add(t.splat(first, [perPass]), t.iota([perPass], 0, "u32")), [taskAxis]);
    const draws = new Draws(ops, {
      seed: this.options.seed,
      counter,
      step: ops.cast(ops.of(this.step, []), "f32"),
      path: "train",
    });
    return new Calls(ops, {
      ...more,
      weights: this.weights,
      encoder: this.placedNetwork("encoder", this.stage.encoder),
      borrows: borrowsOf(this.stage),
      record: (recorded) => this.records.push(recorded),
      draws,
    });
  }

  private learned({ learns }: PretrainStage, name: string): NamedTensor {
    const { ops } = this;
    const learn = learns.find((own) => own.name === name);
    if (learn?.kind !== "tensor") throw new CompilerBug(`${name} is not a learned tensor`);
    const stored = ops.of(
      this.weights.node(`learn.${name}`),
      learn.axes.map((axis) => axis.name),
    );
    return learn.positive ? ops.unary("exp", stored) : stored;
  }

  private placedNetwork(prefix: "encoder" | "head", slot: PretrainStage["encoder"]): PlacedNetwork {
    return { prefix, network: slot.value, frozen: slot.frozen };
  }

  /** Returns the weights that the optimizer moves: used, trainable, and in no frozen slot or group. */
  private trainable(): WeightDecl[] {
    const { stage } = this;
    const frozen = frozenSlots(stage);
    return this.weights.used.filter(
      ({ path, trainable }) =>
        trainable && !frozen.has(path.slice(0, path.indexOf("."))) && !stage.optimizer.overrides[path]?.frozen,
    );
  }
}

/** Returns true if a metric adapts the encoder in each episode. */
function adaptsEncoder(metric: Metric): boolean {
  return Object.values(metric.entries).some(({ body }) => hasAdapted(body.statements));
}
function hasAdapted(statements: readonly Statement[]): boolean {
  return statements.some(
    (s) =>
      (s.kind === "minimize" && s.targets.some((t) => t.kind === "network" && t.from.kind === "slot")) ||
      (s.kind !== "let" && hasAdapted(s.body)),
  );
}

/** Returns the sum over episodes side by side. A number without the task axis is the same in each episode. */
function sumOverTasks(ops: NamedOps, x: NamedTensor, episodes: number): NamedTensor {
  return x.axes.includes(taskAxis) ? ops.sum(x, [taskAxis]) : ops.scale(x, episodes);
}
