/** Writes the card of an exported model: where it is from, how good it is, and how another program uses it. */
import { printable } from "../../common/printable.js";
import { taskText } from "../../compiler/typed/describe.js";
import { isTraining, trainingSplits } from "../../compiler/typed/stage-kinds.js";
import type { Dataset, Experiment, SplitRef, Stage, Task } from "../../compiler/typed/tree.js";
import { describeSources, describeSteps } from "../data/index.js";
import type { StoreEntry } from "../store/store.js";
import { version } from "../system/package.js";

/** The form of an export, with what a reader has to know in order to use it. */
export type Form =
  | { readonly kind: "encoder"; readonly outputs: readonly string[]; readonly open: boolean }
  | { readonly kind: "classifier"; readonly task: Task; readonly scores: string; readonly open: boolean }
  | { readonly kind: "weights"; readonly tensors: number };

/** The first line of a card, by which a later export knows that it may replace it. */
const mark = "<!-- written by fslc export -->";

export function isCard(text: string): boolean {
  return text.startsWith(mark);
}

export interface CardContent {
  readonly file: string;
  readonly digest: string;
  readonly form: Form;
  readonly experiment: Experiment;
  readonly stage: Stage;
  readonly dataset: Dataset;
  /** The stored stages whose weights are in the file or led to them, by stage id. */
  readonly trained: readonly (readonly [string, StoreEntry])[];
  /** The stored evaluation of exactly these weights, if there is one. */
  readonly measured: StoreEntry | undefined;
}

export function modelCard(content: CardContent): string {
  const { file, digest, form, experiment, stage } = content;
  const what = { encoder: "the encoder", classifier: "the whole few-shot classifier", weights: "the weights" }[
    form.kind
  ];
  const parts = [
    mark,
    `# ${file}`,
    `It has ${what} of the stage \`${printable(stage.id)}\` in \`${printable(experiment.file)}\`. fslc ${version} wrote it.\nIts SHA-256 is \`${digest}\`.`,
    "## How good it is",
    accuracy(content),
    "## How it was trained",
    training(content),
    "## Images",
    images(content.dataset),
    "## How to use it",
    usage(file, form, content.dataset.image.values === undefined ? "uint8" : "float32"),
  ];
  return `${parts.join("\n\n")}\n`;
}

function accuracy({ stage, measured }: CardContent): string {
  if (stage.kind !== "evaluate" || measured === undefined) {
    return "Nobody has measured it: the card is not that of an `evaluate` stage that has run.";
  }
  const lines = measured.manifest.results.map(({ row, metric, mean, ci95, episodes }) => {
    const label = row === undefined || row === "" ? metric : `${metric} (${row})`;
    const range = Number.isFinite(ci95) ? ` ± ${percent(ci95)}` : "";
    return `| ${printable(label)} | ${percent(mean)}${range} % | ${episodes} |`;
  });
  const tasks = stage.rows.map(({ task, split }) => `${taskText(task)}, from ${splitText(split)}`);
  const numerics = numericsText(measured);
  return [
    `The task: ${[...new Set(tasks)].join("; ")}. Measured with ${numerics}.`,
    "",
    "| report | mean and 95% interval | episodes |",
    "|---|---|---|",
    ...lines,
  ].join("\n");
}

const percent = (fraction: number): string => (100 * fraction).toFixed(2);
const splitText = ({ dataset, split }: SplitRef): string => `${dataset}.${split}`;

function numericsText({ manifest: { numerics } }: StoreEntry): string {
  const { engine, version: of, device, threads, precision = "f32", arch } = numerics;
  return `${engine} ${of} on ${device} (${arch}, ${threads} threads, ${precision})`;
}

function training({ experiment, trained }: CardContent): string {
  if (trained.length === 0) return "It was not trained by this experiment.";
  return trained
    .map(([id, entry]) => {
      const stage = experiment.stages.find((one) => one.id === id);
      const { kind } = entry.manifest.stage;
      const on =
        stage !== undefined && isTraining(stage) ? ` on ${trainingSplits(stage).map(splitText).join(" and ")}` : "";
      const data = entry.manifest.data.map(({ dataset, digest }) => `${dataset} \`${digest.slice(0, 16)}\``).join(", ");
      return `- \`${printable(id)}\` (${kind})${on}, seed ${entry.manifest.seed}, with ${numericsText(entry)}. Data: ${data}. Key: \`${entry.manifest.key.slice(0, 16)}\``;
    })
    .join("\n");
}

function images(dataset: Dataset): string {
  const { name, source, image, eval: chain } = dataset;
  const license = describeSources().find(({ kind }) => kind === source.kind)?.license ?? "unknown";
  const { channels, height, width } = image;
  const steps = chain.filter(({ op }) => op !== "normalize");
  const prepared = steps.length === 0 ? "used as they are" : `prepared by ${describeSteps(steps)}`;
  const color = channels === 1 ? "gray" : "RGB";
  const origin = `The data set \`${printable(name)}\` is of the source \`${source.kind}\`; its license: ${license}.`;
  if (dataset.image.values !== undefined)
    return `${origin}\nIt gives vectors of ${channels} numbers (f32), each as an image of one pixel with ${channels} channels.`;
  return [
    origin,
    `Images are ${color}, ${prepared}, and then given as bytes from 0 to 255 in the order channel (${channels}), height (${height}), width (${width}).`,
    "A `resize` scales the shorter side to the size. A `center_crop` cuts out the middle. An ONNX model divides by 255 and normalizes by itself.",
  ].join("\n");
}

function usage(file: string, form: Form, numbers: "uint8" | "float32"): string {
  switch (form.kind) {
    case "encoder":
      return python([
        "import onnxruntime",
        `session = onnxruntime.InferenceSession("${file}")`,
        `# images: numpy.${numbers} [${form.open ? "any number" : "1"}, channel, height, width]`,
        `${form.outputs.join(", ")}${form.outputs.length === 1 ? "," : ""} = session.run(None, {"images": images})`,
      ]);
    case "classifier":
      return python([
        "import onnxruntime",
        `session = onnxruntime.InferenceSession("${file}")`,
        `# support: numpy.${numbers} [${form.task.way}, ${form.task.shot}, channel, height, width], class by class`,
        `# query: numpy.${numbers} [${form.open ? "any number" : form.task.way * form.task.query}, channel, height, width]`,
        `scores, = session.run(None, {"support": support, "query": query})   # ${form.scores} [query, ${form.task.way}]`,
        "best = scores.argmax(-1)",
      ]);
    case "weights":
      return python([
        "from safetensors.torch import load_file",
        `state = load_file("${file}")   # ${form.tensors} tensors with the names, shapes and layout of PyTorch`,
        'model.load_state_dict({name.removeprefix("encoder."): value for name, value in state.items() if name.startswith("encoder.")})',
      ]);
  }
}

const python = (lines: readonly string[]): string => ["```python", ...lines, "```"].join("\n");
