/** Short texts for the data of a plan: layers, axes, transforms, tasks, schedules. */
import type {
  ComputedBy,
  Continues,
  EpisodesPlan,
  LayerOpPlan,
  NormMode,
  NormPool,
  OptimizerSettings,
  RunCause,
  Size,
  SizedAxis,
  SplitPlan,
  ValidationPlan,
} from "../../../compiler/stages/index.js";
import { taskText } from "../../../compiler/typed/describe.js";
import type { DataSource, ImageSize, Schedule, Transform } from "../../../compiler/typed/tree.js";
import { count, plural } from "../../view/format.js";

/** Returns what happens to a stage that is not in the store, and why: `runs: not in the store`. */
export const causeText = (cause: RunCause): string => {
  switch (cause.kind) {
    case "not packed":
      return "runs: its images are not packed yet";
    case "forced":
      return "runs: asked for by --force";
    case "same":
      return `taken from ${cause.as}, which computes the same`;
    case "waits":
      return `runs: waits for ${cause.for.join(", ")}`;
    case "not stored":
      return "runs: not in the store";
  }
};

/** `continues after step 120` or `continues after 64 images`, for a stage that an earlier run has begun. */
export const continuesText = ({ count, unit }: Continues): string =>
  unit === "steps" ? `continues after step ${count}` : `continues after ${count} ${unit}`;

/** `onnx 1.30 on cpu, 2 threads`; `packed` for an ingest, which no engine computes. */
export function computedByText(by: ComputedBy | undefined): string {
  if (by === undefined) return "packed";
  const { engine, version, device, adapter, threads, precision } = by;
  return device === "cpu"
    ? `${engine} ${version} on ${device}, ${plural(threads, "thread")}${precision === undefined ? "" : `, ${precision}`}`
    : `${engine} ${version} on ${adapter ?? device}`;
}

const sizeText = (size: Size): string => (size === "unknown" ? "?" : `${size}`);

/** `64 × 42 × 42` for images; all other axes keep their names: `feature=8`. */
export function axesText(axes: readonly SizedAxis[]): string {
  const image = axes.map(({ name }) => name).join(" ") === "channel height width";
  return image
    ? sizesText(axes.map(({ size }) => size))
    : axes.length === 0
      ? "a number"
      : axes.map(({ name, size }) => `${name}=${sizeText(size)}`).join(" ");
}

export const sizesText = (sizes: readonly Size[]): string =>
  sizes.length === 0 ? "a number" : sizes.map(sizeText).join(" × ");

export function parametersText(n: Size): string {
  if (n === "unknown") return "as many parameters as the classes ask for";
  return n === 0 ? "no parameters" : plural(n, "parameter");
}

/** A cell of a table: `1,792`, nothing for none, `?`. */
export function parametersCell(n: Size): string {
  if (n === "unknown") return "?";
  return n === 0 ? "" : count(n);
}

export function opText(op: LayerOpPlan): string {
  const window = (name: string, size: number, stride: number, pad: number, usual: number): string =>
    [`${name} ${size}×${size}`, stride === usual ? "" : `stride ${stride}`, pad === 0 ? "" : `pad ${pad}`]
      .filter((part) => part !== "")
      .join(", ");
  switch (op.kind) {
    case "conv":
      return [
        window("conv", op.kernel, op.stride, op.pad, 1),
        ...(op.groups === undefined ? [] : [`groups ${op.groups}`]),
        ...(op.dilation === undefined ? [] : [`dilation ${op.dilation}`]),
        ...(op.bias ? [] : ["no bias"]),
      ].join(", ");
    case "batch_norm":
      return op.momentum === 0.1 ? "batch_norm" : `batch_norm, momentum ${op.momentum}`;
    case "layer_norm":
      return `layer_norm over ${op.axes.join(", ")}`;
    case "group_norm":
      return `group_norm, ${plural(op.groups, "group")}`;
    case "upsample":
      return `upsample ${op.factor}×, ${op.mode}`;
    case "first":
      return `first along ${op.axis}`;
    case "attention":
      return `attention, ${plural(op.heads, "head")}`;
    case "linear":
      return `linear ${op.in} → ${sizeText(op.out)}${op.bias ? "" : ", no bias"}`;
    case "cosine_linear":
      return `cosine_linear ${op.in} → ${sizeText(op.out)}, scale ${op.scale}`;
    case "activation":
      return op.slope === undefined ? op.fn : `${op.fn} ${op.slope}`;
    case "max_pool":
    case "avg_pool":
      return window(op.kind, op.size, op.stride, op.pad, op.size);
    case "global_avg_pool":
    case "flatten":
    case "tokens":
    case "class_token":
    case "position_table":
    case "layer_scale":
    case "residual":
      return op.kind;
    case "formula":
      return op.name;
    case "dropout":
      return `dropout ${op.p}`;
    case "drop_block":
      return `drop_block ${op.p}, ${op.size}×${op.size}${op.rampSteps > 0 ? `, over ${op.rampSteps} steps` : ""}`;
    case "parallel":
      return `parallel along ${op.along}`;
  }
}

export function transformText(t: Transform): string {
  switch (t.op) {
    case "resize":
    case "center_crop":
      return `${t.op}(${t.size})`;
    case "random_crop":
      return t.pad > 0 ? `random_crop(${t.size}, pad: ${t.pad})` : `random_crop(${t.size})`;
    case "random_resized_crop":
      return `random_resized_crop(${t.size}, scale: ${t.scale.join("–")})`;
    case "flip":
      return t.p === 0.5 ? "flip" : `flip(${t.p})`;
    case "rotate":
      return `rotate(${t.degrees})`;
    case "color_jitter":
      return `color_jitter(${t.brightness}, ${t.contrast}, ${t.saturation})`;
    case "noise":
      return `noise(${t.std})`;
    case "compress":
      return `compress([${t.quality.join(", ")}], p: ${t.p})`;
    case "erase":
      return `erase(${t.p})`;
    case "blur":
      return `blur([${t.sigma.join(", ")}], p: ${t.p})`;
    case "posterize":
      return `posterize(${t.bits}, p: ${t.p})`;
    case "solarize":
      return `solarize(${t.threshold}, p: ${t.p})`;
    case "rand_augment":
      return `rand_augment(${t.count}, ${t.strength})`;
    case "trim":
      return `trim(bottom: ${t.bottom})`;
    case "box":
      return `box(pad: ${t.pad})`;
    case "foreground":
    case "grayscale":
    case "invert":
      return t.op;
    case "normalize":
      return `normalize(mean: [${t.mean.join(", ")}], std: [${t.std.join(", ")}])`;
  }
}

export const sourceText = ({ kind, args }: DataSource): string =>
  `${kind}(${Object.entries(args)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join(", ")})`;

export const imageText = ({ channels, height, width, values }: ImageSize): string =>
  values === undefined ? `${channels}×${height}×${width}` : `vector of ${channels}`;

export const splitText = ({ dataset, split }: SplitPlan): string => `${dataset}.${split}`;

/** `5-way 1-shot, 15 queries a class from birds.train`. */
export const episodesText = (plan: EpisodesPlan): string => `${taskText(plan.task)} from ${splitText(plan)}`;

export function validationText(plan: ValidationPlan): string {
  const every = plan.everyEpochs === 1 ? "epoch" : `${plan.everyEpochs} epochs`;
  const best = plan.keepBest ? ", keep best" : "";
  const patience = plan.patience === undefined ? "" : `, patience ${plan.patience} epochs`;
  return `${episodesText(plan)}, ${plan.episodes} episodes every ${every}${best}${patience}`;
}

export function scheduleText(s: Schedule): string {
  const warmup = s.warmup > 0 ? `, warm-up ${s.warmup} steps` : "";
  switch (s.kind) {
    case "constant":
      return `constant${warmup}`;
    case "multistep":
      return `×${s.factor} at steps ${s.at.join(", ")}${warmup}`;
    case "cosine":
      return `cosine over ${s.over} steps to ×${s.to}${warmup}`;
  }
}

/** `sgd lr=0.1 weight_decay=0 momentum=0.9 nesterov`, or `frozen`. */
export function settingsText(settings: OptimizerSettings | "frozen"): string {
  if (settings === "frozen") return settings;
  const parts = [`${settings.kind} lr=${settings.lr}`, `weight_decay=${settings.weightDecay}`];
  if (settings.every !== undefined) parts.push(`every=${settings.every}`);
  switch (settings.kind) {
    case "sgd":
      if (settings.momentum > 0) parts.push(`momentum=${settings.momentum}`);
      if (settings.nesterov) parts.push("nesterov");
      break;
    case "adam":
    case "adamw":
      parts.push(`beta1=${settings.beta1} beta2=${settings.beta2} eps=${settings.eps}`);
      break;
    default:
      settings satisfies never;
  }
  if (settings.clip !== undefined) parts.push(`clip=${settings.clip}`);
  return parts.join(" ");
}

export const modesText = (modes: readonly NormMode[]): string => modes.map(modeText).join("; ");

function modeText(mode: NormMode): string {
  switch (mode.statistics) {
    case "running":
      return "running statistics";
    case "batch":
      return `batch statistics over ${poolText(mode.over)}`;
    case "other":
      return `statistics of ${poolText(mode.over)}`;
  }
}

function poolText(pool: NormPool): string {
  switch (pool.of) {
    case "step":
      return "the step's images";
    case "part":
      return `the ${pool.images} images of a part`;
    case "episode":
      return `one episode's ${pool.to === undefined ? pool.images : `${pool.images} to ${pool.to}`} images`;
    case "episode values":
      return "one episode's values";
    case "axes":
      return pool.axes.length === 0
        ? "one image"
        : pool.axes.map(({ name, size }) => `${sizeText(size)} ${name}`).join(" × ");
  }
}
