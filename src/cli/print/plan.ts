/** `fslc plan` for people: the stages and where each comes from, then what each does, at any width from 60 columns up. */
import { Chalk, type ChalkInstance } from "chalk";
import type {
  EvaluatePlan,
  IngestPlan,
  NetworkPlan,
  PlanReport,
  StagePlan,
  StepCost,
  TrainingPlan,
} from "../../compiler/stages/index.js";
import { bytes, count, engineAndDevice, flops, plural, shorten } from "../view/format.js";
import { graphRows } from "../view/graph.js";
import { padText } from "../view/line.js";
import { waitingStage } from "../view/model.js";
import { table } from "./table.js";
import { hanging, wrap } from "./wrap.js";

export interface PlanStyle {
  readonly width: number;
  readonly colorLevel: 0 | 1 | 2 | 3;
}

export function printPlan(plan: PlanReport, { width, colorLevel }: PlanStyle): string {
  const paint = new Chalk({ level: colorLevel });
  const seen = new Map<string, string>();
  const parts = plan.stages.map((stage) => section(stage, { width, paint, seen }));
  const engine = engineAndDevice(plan.engine, plan);
  const title = `${paint.bold(plan.file)}  ${paint.dim(`engine ${engine} · seed ${plan.seed}`)}`;
  const why = plan.why === undefined ? [] : hanging("engine: ", plan.why, width).map((line) => `\n${paint.dim(line)}`);
  return `${title}${why.join("")}\n\n${overview(plan, width, paint)}\n\n${parts.join("\n\n")}\n`;
}

interface Context {
  readonly width: number;
  readonly paint: ChalkInstance;
  /** Networks that were printed already: their layers, and the stage that has them. */
  readonly seen: Map<string, string>;
}

function overview(plan: PlanReport, width: number, paint: ChalkInstance): string {
  const byId = new Map(plan.stages.map((s) => [s.id, s]));
  const rows = graphRows(plan.stages.map(({ id, kind, name, needs }) => waitingStage({ id, kind, name, needs })));
  const nameWidth = Math.max(...rows.map((r) => r.rails.length + r.stage.outline.name.length)) + 2;
  return rows
    .flatMap(({ stage, rails }) => {
      const planned = byId.get(stage.outline.id);
      return planned === undefined ? [] : overviewLines(planned, rails, nameWidth, width, paint);
    })
    .join("\n");
}

function overviewLines(
  stage: StagePlan,
  rails: string,
  nameWidth: number,
  width: number,
  paint: ChalkInstance,
): string[] {
  const { status } = stage;
  const glyph = status.cached ? paint.green("↺") : stage.blockers.length > 0 ? paint.red("✘") : "○";
  const head = `${paint.dim(rails)}${glyph} ${padText(stage.name, nameWidth - rails.length)}${paint.dim(padText(stage.kind, 10))}`;
  const room = Math.max(20, width - nameWidth - 12);
  const indent = " ".repeat(nameWidth + 12);
  if (stage.blockers.length > 0) {
    const [first = "", ...rest] = stage.blockers.flatMap((text) => wrap(`cannot run yet: ${text}`, room));
    return [head + paint.red(first), ...rest.map((line) => indent + paint.red(line))];
  }
  if (status.cached) return [head + paint.green(shorten(`from the store (${status.by})`, room))];
  const [first = "", ...rest] = wrap(`runs: ${status.why}`, room);
  const fields = status.differs.map((path) => path.replace(/^stage\./, "")).join(", ");
  const differs = fields === "" ? [] : wrap(`differs from a stored one in ${fields}`, room);
  return [head + first, ...[...rest, ...differs].map((line) => indent + paint.dim(line))];
}

function section(stage: StagePlan, context: Context): string {
  const { paint } = context;
  const key = stage.key === "pending" ? "key pending" : `key ${stage.key.slice(0, 12)}`;
  const title = `${paint.bold(stage.name)}  ${stage.kind}  ${paint.dim(key)}`;
  switch (stage.kind) {
    case "ingest":
      return [title, ...ingest(stage, context)].join("\n");
    case "evaluate":
      return [title, ...evaluate(stage, context)].join("\n");
    default:
      return [title, ...training(stage, context)].join("\n");
  }
}

/** `  word       text`, the text wrapped beside the word. */
function fact(word: string, text: string, { width, paint }: Context): string[] {
  const indent = 14;
  return wrap(text, width - indent).map((line, i) => paint.dim(padText(i === 0 ? `  ${word}` : "", indent)) + line);
}

function ingest(stage: IngestPlan, context: Context): string[] {
  const splits = stage.splits.map((s) => [s.split, count(s.classes), count(s.images), s.smallest]);
  return [
    ...fact("source", stage.source, context),
    ...fact("image", stage.image, context),
    ...fact("train", stage.train.join(", "), context),
    ...fact("eval", stage.eval.join(", "), context),
    ...(splits.length === 0
      ? []
      : ["", table(["split", "classes", "images", "smallest class"], splits, ["left", "right", "right", "left"], 2)]),
  ];
}

function training(stage: TrainingPlan, context: Context): string[] {
  const norms = new Map<string, number>();
  for (const { training: mode, test } of stage.norms) {
    const text = `${mode}; at test ${test}`;
    norms.set(text, (norms.get(text) ?? 0) + 1);
  }
  const each = stage.steps === undefined ? "steps" : plural(stage.steps, "step");
  const steps = `${plural(stage.epochs, "epoch")}, ${each} of ${stage.perStep}`;
  return [
    ...fact("data", stage.data, context),
    ...fact("for", steps, context),
    ...stage.optimizer.flatMap((group, i) =>
      fact(i === 0 ? "optimizer" : "", `${group.settings} (${parameters(group.parameters)})`, context),
    ),
    ...fact("schedule", stage.schedule, context),
    ...(stage.validation === undefined ? [] : fact("validation", stage.validation, context)),
    ...(stage.ema === undefined
      ? []
      : fact("average", `of the weights, decay ${stage.ema}: it is what is validated and stored`, context)),
    ...[...norms].flatMap(([text, n], i) => fact(i === 0 ? "batch norm" : "", `${n} × ${text}`, context)),
    ...(stage.cost === undefined
      ? []
      : [
          ...fact("work", `${flops(stage.cost.flops)} a step, ${flops(stage.cost.total)} in all`, context),
          ...fact("memory", memory(stage.cost), context),
          ...kernels([stage.cost], context),
        ]),
    ...stage.networks.flatMap((n) => network(n, stage.name, context)),
  ];
}

function evaluate(stage: EvaluatePlan, context: Context): string[] {
  return [
    ...stage.rows.flatMap((row, i) => {
      const label = row.label === "" ? "" : `${row.label}: `;
      return fact(i === 0 ? "episodes" : "", `${label}${count(row.count)} × ${row.episodes}`, context);
    }),
    ...(stage.fitFrom === undefined ? [] : fact("fit from", stage.fitFrom, context)),
    ...fact("report", stage.report.join(", "), context),
    ...fact(
      "embedding",
      stage.embed.once ? "each image once" : `anew in each episode, because ${stage.embed.why}`,
      context,
    ),
    ...(stage.cost === undefined
      ? []
      : [
          ...fact(
            "work",
            `${flops(stage.cost.image.flops)} an image and ${most(stage.cost.episode)}${flops(stage.cost.episode.flops)} an episode, ` +
              `${most(stage.cost.episode)}${flops(stage.cost.image.total + stage.cost.episode.total)} in all`,
            context,
          ),
          ...kernels([stage.cost.image, stage.cost.episode], context),
        ]),
    ...stage.networks.flatMap((n) => network(n, stage.name, context)),
  ];
}

/** Where a device has no kernels of its own. */
function kernels(costs: readonly StepCost[], context: Context): string[] {
  const known = costs.flatMap(({ kernels }) => kernels ?? []);
  if (known.length === 0) return [];
  const ops = (how: "decomposed" | "processor"): string => [...new Set(known.flatMap((each) => each[how]))].join(", ");
  const [decomposed, processor] = [ops("decomposed"), ops("processor")];
  const on = processor === "" ? "all on the GPU" : `on the GPU, save ${processor}: on the processor`;
  return fact("kernels", decomposed === "" ? on : `${on}; ${decomposed} by other ops there`, context);
}

function memory({ peakBytes: [low, high] }: StepCost): string {
  return low === high ? `${bytes(low)} at the peak` : `${bytes(low)} to ${bytes(high)} at the peak`;
}

function parameters(n: number | undefined): string {
  if (n === undefined) return "as many parameters as the classes ask for";
  return n === 0 ? "no parameters" : plural(n, "parameter");
}

const most = ({ atMost }: { readonly atMost?: true }): string => (atMost ? "at most " : "");

/** A network's layers; where an earlier stage has the same, a line that says so. */
function network(n: NetworkPlan, stage: string, context: Context): string[] {
  const { paint, seen, width } = context;
  const origin = n.from === undefined ? "" : `, ${n.frozen ? "frozen " : ""}from ${n.from}`;
  const size = parameters(n.parameters);
  const sees = [...(n.transductive ? ["transductive"] : []), ...(n.assumes ?? []).map((a) => `assumes ${a}`)];
  const title = `  ${n.slot} ${paint.bold(n.name)}${origin}, ${[...sees, size].join(", ")}`;
  const learned = n.learned.map(({ path, shape }) => [path, "learned", sizesText(shape), count(product(shape))]);
  if (n.layers.length + learned.length === 0) return ["", title];
  const same = JSON.stringify([n.layers, n.learned, n.input]);
  const before = seen.get(same);
  if (before !== undefined) return ["", `${title}, layers as in ${before}`];
  seen.set(same, stage);

  const rows = n.layers.map((layer) => [
    `${"  ".repeat(layer.depth)}${layer.path}`,
    layer.what,
    `${axes(layer.output)}${layer.as === undefined ? "" : ` as ${layer.as}`}`,
    layer.parameters === undefined ? "?" : layer.parameters === 0 ? "" : count(layer.parameters),
  ]);
  const input = n.input === "" ? [] : [["", "input", axes(n.input), ""]];
  const cells = fitColumns([...input, ...rows, ...learned], width - 2 - 6);
  return ["", title, table(["layer", "", "output", "parameters"], cells, ["left", "left", "left", "right"], 2)];
}

/** Shortens paths, then descriptions, until rows of four cells fit. */
function fitColumns(rows: readonly (readonly string[])[], width: number): string[][] {
  const widest = (i: number, least: number): number => Math.max(least, ...rows.map((r) => [...(r[i] ?? "")].length));
  let over = widest(0, 5) + widest(1, 0) + widest(2, 6) + widest(3, 10) - width;
  const limits = [0, 1].map((i) => {
    const limit = Math.max(14, widest(i, 0) - Math.max(0, over));
    over -= widest(i, 0) - limit;
    return limit;
  });
  return rows.map((row) => row.map((cell, i) => (i < limits.length ? shorten(cell, limits[i] ?? 0) : cell)));
}

/** `channel=64 height=42 width=42` → `64 × 42 × 42`; other axes keep their names. */
function axes(text: string): string {
  const image = /^channel=(\d+) height=(\d+) width=(\d+)$/.exec(text);
  return image === null ? text : sizesText(image.slice(1));
}
const sizesText = (sizes: readonly (number | string)[]): string =>
  sizes.length === 0 ? "a number" : sizes.join(" × ");
const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
