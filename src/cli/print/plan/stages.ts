/** Prints the lines of each stage of a plan, under its title. */
import type {
  EvaluatePlan,
  IngestPlan,
  MetaPlan,
  PretrainPlan,
  StagePlan,
  StepCost,
  TrainingPlan,
} from "../../../compiler/stages/index.js";
import { reportText, trainingReportText } from "../../../compiler/typed/describe.js";
import { bytes, count, flops, plural } from "../../view/format.js";
import { table } from "../table.js";
import { fact, type PrintContext } from "./context.js";
import { networkLines } from "./network.js";
import {
  episodesText,
  imageText,
  modesText,
  parametersText,
  scheduleText,
  settingsText,
  sourceText,
  splitText,
  transformText,
  validationText,
} from "./text.js";

export function stageLines(stage: StagePlan, context: PrintContext): string[] {
  switch (stage.kind) {
    case "ingest":
      return ingestLines(stage, context);
    case "pretrain":
      return trainingLines(stage, pretrainTexts(stage), context);
    case "meta":
      return trainingLines(stage, metaTexts(stage), context);
    case "evaluate":
      return evaluateLines(stage, context);
  }
}

function ingestLines(stage: IngestPlan, context: PrintContext): string[] {
  const splits = stage.splits.map((s) => [
    s.split,
    count(s.classes),
    count(s.images),
    `${s.smallest.name} (${s.smallest.images})`,
  ]);
  return [
    ...fact("source", sourceText(stage.source), context),
    ...fact("image", imageText(stage.image), context),
    ...(stage.image.values === undefined
      ? [
          ...fact("train", stage.train.map(transformText).join(", "), context),
          ...fact("eval", stage.eval.map(transformText).join(", "), context),
        ]
      : []),
    ...(splits.length === 0
      ? []
      : [
          "",
          table(["split", "classes", "images", "smallest class"], splits, {
            align: ["left", "right", "right", "left"],
            indent: 2,
            width: context.tableWidth,
          }),
        ]),
  ];
}

/** The texts of a training stage that its kind determines. */
interface TrainingTexts {
  readonly data: string;
  /** `4 episodes`. */
  readonly perStep: string;
}

function pretrainTexts({ data, perStep: { images, parts, views } }: PretrainPlan): TrainingTexts {
  const inParts = parts === undefined ? "" : ` in ${parts} parts`;
  const ofViews = views === undefined ? "" : `, ${views} views of each`;
  return { data: splitText(data), perStep: `${images} image${images === 1 ? "" : "s"}${ofViews}${inParts}` };
}

function metaTexts({ data, perStep: { episodes } }: MetaPlan): TrainingTexts {
  const { listed } = data;
  const from = listed === undefined ? "" : `, ${plural(listed.episodes, "episode")} listed in ${listed.in}`;
  const others = (data.others ?? []).map((other) => `, or ${episodesText(other)}`).join("");
  return { data: `${episodesText(data)}${from}${others}`, perStep: `${episodes} episode${episodes === 1 ? "" : "s"}` };
}

function trainingLines(stage: TrainingPlan, { data, perStep }: TrainingTexts, context: PrintContext): string[] {
  const steps = stage.steps === "unknown" ? "steps" : plural(stage.steps, "step");
  return [
    ...fact("data", data, context),
    ...fact("for", `${plural(stage.epochs, "epoch")}, ${steps} of ${perStep}`, context),
    ...stage.optimizer.flatMap(({ settings, parameters }, i) =>
      fact(i === 0 ? "optimizer" : "", `${settingsText(settings)} (${parametersText(parameters)})`, context),
    ),
    ...fact("schedule", scheduleText(stage.schedule), context),
    ...(stage.validation === undefined ? [] : fact("validation", validationText(stage.validation), context)),
    ...(stage.ema === undefined
      ? []
      : fact("average", `of the weights, decay ${stage.ema}: it is what is validated and stored`, context)),
    ...(stage.report === undefined ? [] : fact("report", stage.report.map(trainingReportText).join(", "), context)),
    ...normLines(stage, context),
    ...(stage.cost === undefined
      ? []
      : [
          ...fact(
            "work",
            `${flops(stage.cost.flops)} a step, ${flops(stage.cost.total)} in all${validationsWork(stage)}`,
            context,
          ),
          ...fact("memory", memory(stage.cost), context),
          ...kernels([stage.cost], context),
        ]),
    ...stage.networks.flatMap((n) => networkLines(n, stage.name, context)),
  ];
}

function validationsWork({ validationWork }: TrainingPlan): string {
  return validationWork === undefined ? "" : `, and ${flops(validationWork)} for the validations`;
}

/** Batch norms with equal modes share a line. */
function normLines({ norms }: TrainingPlan, context: PrintContext): string[] {
  const counts = new Map<string, number>();
  for (const { training, test } of norms) {
    const text = `${modesText(training)}; at test ${modesText(test)}`;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].flatMap(([text, n], i) => fact(i === 0 ? "batch norm" : "", `${n} × ${text}`, context));
}

function evaluateLines(stage: EvaluatePlan, context: PrintContext): string[] {
  const { embed } = stage;
  return [
    ...stage.rows.flatMap((row, i) => {
      const label = row.label === "" ? "" : `${row.label}: `;
      const listed = row.listedIn === undefined ? "" : `, listed in ${row.listedIn}`;
      const text = `${label}${count(row.episodes)} × ${episodesText(row)}${listed}`;
      return fact(i === 0 ? "episodes" : "", text, context);
    }),
    ...(stage.fitFrom === undefined ? [] : fact("fit from", splitText(stage.fitFrom), context)),
    ...fact("report", stage.report.map(reportText).join(", "), context),
    ...fact("embedding", embed.once ? "each image once" : `anew in each episode, because ${embed.why}`, context),
    ...(stage.cost === undefined
      ? []
      : [
          ...fact("work", evaluationWork(stage.cost), context),
          ...kernels([stage.cost.image, stage.cost.episode], context),
        ]),
    ...stage.networks.flatMap((n) => networkLines(n, stage.name, context)),
  ];
}

function evaluationWork({ image, episode }: NonNullable<EvaluatePlan["cost"]>): string {
  const most = episode.atMost ? "at most " : "";
  const total = flops(image.total + episode.total);
  return `${flops(image.flops)} an image and ${most}${flops(episode.flops)} an episode, ${most}${total} in all`;
}

/** Names the ops that a device has no kernels for. */
function kernels(costs: readonly StepCost[], context: PrintContext): string[] {
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
