/** Short texts for people: layers, axes, transforms, tasks, schedules. */
import type { Axis, DataSource, LayerOp, Optimizer, Report, Schedule, SplitRef, Task, Transform } from "./tree.js";

export const axesText = (axes: readonly Axis[]): string =>
  axes.length === 0 ? "a number" : axes.map(({ name, size }) => `${name}=${size}`).join(" ");

export function layerText(op: LayerOp): string {
  const window = (name: string, size: number, stride: number, pad: number, usual: number): string =>
    [`${name} ${size}×${size}`, stride === usual ? "" : `stride ${stride}`, pad === 0 ? "" : `pad ${pad}`]
      .filter((part) => part !== "")
      .join(", ");
  switch (op.kind) {
    case "conv":
      return `${window("conv", op.kernel, op.stride, op.pad, 1)}${op.bias ? "" : ", no bias"}`;
    case "batch_norm":
      return op.momentum === 0.1 ? "batch_norm" : `batch_norm, momentum ${op.momentum}`;
    case "layer_norm":
      return `layer_norm over ${op.axes.join(", ")}`;
    case "linear":
      return `linear ${op.in} → ${op.out}${op.bias ? "" : ", no bias"}`;
    case "cosine_linear":
      return `cosine_linear ${op.in} → ${op.out}, scale ${op.scale}`;
    case "activation":
      return op.slope === undefined ? op.fn : `${op.fn} ${op.slope}`;
    case "max_pool":
    case "avg_pool":
      return window(op.kind, op.size, op.stride, op.pad, op.size);
    case "global_avg_pool":
    case "flatten":
    case "residual":
      return op.kind;
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

export const taskText = (t: Task): string =>
  `${t.way}-way ${t.shot}-shot, ${t.query} ${t.query === 1 ? "query" : "queries"} a class`;
export const splitText = (ref: SplitRef): string => `${ref.dataset}.${ref.split}`;

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

export function optimizerText(o: Optimizer, lr: number, weightDecay: number): string {
  const parts = [`${o.kind} lr=${lr}`, `weight_decay=${weightDecay}`];
  if (o.kind === "sgd") {
    if (o.momentum > 0) parts.push(`momentum=${o.momentum}`);
    if (o.nesterov) parts.push("nesterov");
  } else {
    parts.push(`beta1=${o.beta1} beta2=${o.beta2} eps=${o.eps}`);
  }
  if (o.clip !== undefined) parts.push(`clip=${o.clip}`);
  return parts.join(" ");
}

export const reportText = (r: Report): string => (r.kind === "top" ? `top${r.k}` : r.kind);
