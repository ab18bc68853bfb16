/** Mode and pool of every batch norm (rule 21), as a plan says them. */

import type { Callable, Expr, MetaStage, Metric, Network, PretrainStage } from "../typed/tree.js";
import { rootOf, walkExprs } from "../typed/walk.js";
import { batchNorms } from "./networks.js";
import type { NormPlan } from "./report.js";

const running = "running statistics";
/** Axes that a batch norm does not count images by. */
const innerAxes: readonly string[] = ["feature", "channel", "height", "width"];

export function norms(stage: PretrainStage | MetaStage): NormPlan[] {
  return stage.kind === "pretrain" ? pretrainNorms(stage) : metaNorms(stage);
}

function metaNorms({ encoder, metric, episodes: { task } }: MetaStage): NormPlan[] {
  const pool = `one episode's ${task.way * (task.shot + task.query)} images`;
  const plans = (prefix: string, network: Network, frozen: boolean, over: string): NormPlan[] =>
    batchNorms(network).map((path) => ({
      path: `${prefix}.${path}`,
      training: frozen ? running : `batch statistics over ${over}`,
      test: running,
    }));
  const said = encoderCalls(metric.value);
  return [
    ...(said === undefined
      ? plans("encoder", encoder.value, encoder.frozen, pool)
      : batchNorms(encoder.value).map((path) => ({ path: `encoder.${path}`, training: said, test: said }))),
    ...metric.value.learns.flatMap((learn) =>
      learn.kind === "module"
        ? plans(`metric.${learn.name}`, learn.network, metric.frozen, "one episode's values")
        : [],
    ),
  ];
}

/** The modes of a method's own calls of the encoder, in training as at test; undefined where it is embedded for it. */
function encoderCalls(metric: Metric): string | undefined {
  const modes = new Set<string>();
  for (const { body } of Object.values(metric.entries))
    walkExprs(body, (e) => {
      if (e.k === "apply" && rootOf(e.target).kind === "slot") modes.add(callMode(e));
    });
  return modes.size === 0 ? undefined : [...modes].join("; ");
}

function callMode(e: Extract<Expr, { k: "apply" }>): string {
  if (typeof e.norm === "object") return `statistics of ${imagesOf(e.norm.from)}`;
  return e.norm === "running" ? running : `batch statistics over ${imagesOf(e.x)}`;
}

/** `5 way × 1 shot`: the axes that a batch norm has no channels on. */
function imagesOf(x: Expr): string {
  const outer = x.type.axes.filter(({ name }) => !innerAxes.includes(name));
  return outer.length === 0 ? "one image" : outer.map(({ name, size }) => `${size} ${name}`).join(" × ");
}

/** Each call in the loss says its own mode, over its own images. */
function pretrainNorms(stage: PretrainStage): NormPlan[] {
  const modes = new Map<string, string[]>();
  walkExprs(stage.loss, (e) => {
    if (e.k !== "apply") return;
    const slot = slotOf(e.target);
    if (slot === undefined) return;
    const mode = modeOf(e, slot === "head" && stage.head.frozen, stage);
    const known = modes.get(slot) ?? [];
    if (!known.includes(mode)) modes.set(slot, [...known, mode]);
  });
  const networks: readonly (readonly [string, Network])[] = [
    ["encoder", stage.encoder.value],
    ["head", stage.head.value],
    ...stage.learns.flatMap((learn) =>
      learn.kind === "module" ? [[`learn.${learn.name}`, learn.network] as const] : [],
    ),
  ];
  return networks.flatMap(([prefix, network]) => {
    const training = (modes.get(prefix) ?? []).join("; ");
    return training === ""
      ? []
      : batchNorms(network).map((path) => ({ path: `${prefix}.${path}`, training, test: running }));
  });
}

function slotOf(called: Callable): string | undefined {
  const target = rootOf(called);
  if (target.kind === "slot") return target.slot;
  return target.kind === "learn" ? `learn.${target.name}` : undefined;
}

function modeOf(e: Extract<Expr, { k: "apply" }>, frozen: boolean, { duration }: PretrainStage): string {
  if (typeof e.norm === "object") return "statistics of another value";
  if (e.norm === "running" || (e.norm === "phase" && frozen)) return running;
  const outer = e.x.type.axes.filter(({ name }) => !innerAxes.includes(name));
  const [only] = outer;
  const whole = outer.length === 1 && only?.name === "item";
  if (whole && duration.parts === undefined) return "batch statistics over the step's images";
  if (whole) return `batch statistics over the ${only.size} images of a part`;
  return `batch statistics over ${imagesOf(e.x)}`;
}
