/** The statistics that each batch norm uses, as docs/language.md, "Batch norm", defines them. */

import { imagesIn } from "../../typed/tasks.js";
import type { Callable, Expr, MetaStage, Metric, Network, PretrainStage } from "../../typed/tree.js";
import { rootOf, walkExprs } from "../../typed/walk.js";
import { batchNorms } from "./networks.js";
import type { NormMode, NormPlan, NormPool } from "./report.js";

type Apply = Extract<Expr, { k: "apply" }>;

const running: NormMode = { statistics: "running" };
/** The axes inside one image: a batch norm does not count images by them. */
const innerAxes: readonly string[] = ["feature", "channel", "height", "width"];

/** An encoder that is embedded for the metric has one mode. A method that calls the encoder itself chooses at each call. */
export function metaNorms({ encoder, metric, episodes: { task }, others = [] }: MetaStage): NormPlan[] {
  const called = encoderCalls(metric.value);
  const counts = [task, ...others.map((other) => other.task)].map(imagesIn);
  const images = Math.min(...counts);
  const to = Math.max(...counts);
  const modes: Pick<NormPlan, "training" | "test"> =
    called.length > 0
      ? { training: called, test: called }
      : {
          training: [inTraining({ of: "episode", images, ...(to === images ? {} : { to }) }, encoder.frozen)],
          test: [running],
        };
  return [
    ...plans("encoder", encoder.value, modes),
    ...metric.value.learns.flatMap((learn) => {
      if (learn.kind !== "module") return [];
      const training = [inTraining({ of: "episode values" }, metric.frozen)];
      return plans(`metric.${learn.name}`, learn.network, { training, test: [running] });
    }),
  ];
}

const inTraining = (over: NormPool, frozen: boolean): NormMode => (frozen ? running : { statistics: "batch", over });

function plans(prefix: string, network: Network, modes: Pick<NormPlan, "training" | "test">): NormPlan[] {
  return batchNorms(network).map((path) => ({ path: `${prefix}.${path}`, ...modes }));
}

/** The modes of a method's own calls of the encoder, in training as at test; none if it is embedded for the method. */
function encoderCalls(metric: Metric): readonly NormMode[] {
  const modes = new Modes();
  for (const { body } of Object.values(metric.entries))
    walkExprs(body, (e) => {
      if (e.k === "apply" && rootOf(e.target).kind === "slot") modes.add(callMode(e));
    });
  return modes.all;
}

function callMode(e: Apply): NormMode {
  if (typeof e.norm === "object") return { statistics: "other", over: axesOf(e.norm.from) };
  return e.norm === "running" ? running : { statistics: "batch", over: axesOf(e.x) };
}

/** The axes of a value that a batch norm has no channels on: `5 way × 1 shot`. */
function axesOf(x: Expr): NormPool {
  return { of: "axes", axes: x.type.axes.filter(({ name }) => !innerAxes.includes(name)) };
}

/** Each call in the loss has its own mode, over its own images. */
export function pretrainNorms(stage: PretrainStage): NormPlan[] {
  const modes = new Map<string, Modes>();
  walkExprs(stage.loss, (e) => {
    const network = e.k === "apply" ? calledNetwork(e.target) : undefined;
    if (e.k !== "apply" || network === undefined) return;
    const known = modes.get(network) ?? new Modes();
    known.add(lossMode(e, stage, network === "head" && stage.head.frozen));
    modes.set(network, known);
  });
  const networks: readonly (readonly [string, Network])[] = [
    ["encoder", stage.encoder.value],
    ["head", stage.head.value],
    ...stage.learns.flatMap((learn) =>
      learn.kind === "module" ? [[`learn.${learn.name}`, learn.network] as const] : [],
    ),
  ];
  return networks.flatMap(([prefix, network]) => {
    const training = modes.get(prefix)?.all;
    return training === undefined ? [] : plans(prefix, network, { training, test: [running] });
  });
}

/** Returns the prefix of the called network's weights, or undefined if it is another stage's. */
function calledNetwork(called: Callable): string | undefined {
  const target = rootOf(called);
  if (target.kind === "slot") return target.slot;
  return target.kind === "learn" ? `learn.${target.name}` : undefined;
}

function lossMode(e: Apply, { duration }: PretrainStage, frozen: boolean): NormMode {
  if (typeof e.norm === "object") return { statistics: "other", over: axesOf(e.norm.from) };
  if (e.norm === "running" || (e.norm === "phase" && frozen)) return running;
  return { statistics: "batch", over: stepPool(axesOf(e.x), duration.parts !== undefined) };
}

/** Names the images of a whole step, or of a part of one, as such. */
function stepPool(pool: NormPool, inParts: boolean): NormPool {
  const [only, ...rest] = pool.of === "axes" ? pool.axes : [];
  if (only?.name !== "item" || rest.length > 0 || only.size === "unknown") return pool;
  return inParts ? { of: "part", images: only.size } : { of: "step" };
}

/** Distinct modes in the order in which they are met. */
class Modes {
  private readonly found = new Map<string, NormMode>();

  add(mode: NormMode): void {
    const key = JSON.stringify(mode);
    if (!this.found.has(key)) this.found.set(key, mode);
  }

  get all(): readonly NormMode[] {
    return [...this.found.values()];
  }
}
