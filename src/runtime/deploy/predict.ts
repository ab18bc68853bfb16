/**
 * Predicts the classes of images that a user brings. The supports and the images to classify are packed like the images of a
 * dataset and scored as episodes of an evaluation, so a prediction has the scores that the evaluation of the stage would have.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Diagnostic, DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { datasetOf } from "../../compiler/typed/find.js";
import type { Dataset, EvaluateStage, Experiment, Metric, PosedTasks, Task } from "../../compiler/typed/tree.js";
import { type NeedsEqualShots, withShots } from "../../compiler/typed/unequal-shots.js";
import type { Episode } from "../data/contract.js";
import { type ImageFolder, listClassFolders, listImages, type PackedImages, packImages } from "../data/index.js";
import { sweepLeftovers } from "../run/leftovers.js";
import type { PreparedRun } from "../run/preflight.js";
import { whileReading } from "../run/while-reading.js";
import { takesEmbeddings } from "../stages/classify.js";
import type { Job } from "../stages/job.js";
import { temporaryPath } from "../system/temporary.js";
import { openProcessExecutor } from "../worker/process-executor.js";
import { type Classifier, classifierOf } from "./classifier.js";
import { type BroughtImages, episodesOf, taskOf } from "./one-episode.js";
import { findStoredStages, jobInputs, type StoredStages } from "./stored-stages.js";
import { wantedStage } from "./wanted-stage.js";

export interface PredictionRequest {
  /** A prepared run of the one stage whose classifier is used: the last of its graph. */
  readonly prepared: PreparedRun;
  /** The folder with a folder of images for each class. */
  readonly support: string;
  /** The paths of images and of folders of images. */
  readonly images: readonly string[];
  /** Elaborates the metric of the stage for further tasks. @throws RefusedError if it cannot have one of them. */
  readonly pose: (tasks: PosedTasks) => readonly Metric[];
  readonly onNote: (message: string) => void;
}

export interface Prediction {
  /** The classes with the number of their supports, in the order of the scores. */
  readonly classes: readonly { readonly name: string; readonly supports: number }[];
  readonly images: readonly PredictedImage[];
  /** The images that cannot be read. */
  readonly unreadable: readonly { readonly file: string; readonly why: string }[];
}
export interface PredictedImage {
  readonly file: string;
  readonly class: string;
  readonly probability: number;
  /** The score and the probability of each class, in the order of the classes. */
  readonly scores: readonly number[];
  readonly probabilities: readonly number[];
}

/**
 * Predicts the classes of images with the weights of the store.
 *
 * @throws DiagnosticError FSL7040 or FSL7061 for images that cannot be used, FSL7060 if the stage is not stored, FSL7062 if it
 * cannot classify, FSL7063 if the images do not fit its metric, or the diagnostic of a job that failed.
 */
export async function predict(request: PredictionRequest): Promise<Prediction> {
  return await whileReading(request.prepared.project, () => predictNow(request));
}

async function predictNow(request: PredictionRequest): Promise<Prediction> {
  const { prepared, support, onNote } = request;
  const { experiment, project } = prepared;
  const supports = listClassFolders(support);
  const queries = listImages(request.images);
  if (supports.outside > 0) onNote(`${supports.outside} images in ${support} are in no class folder and are left out`);
  const stage = wantedStage(prepared);
  const classifier = classifierOf(stage, experiment);
  const fitData = classifier.fitFrom === undefined ? [] : [datasetOf(experiment, classifier.fitFrom.dataset)];
  const needed = { stage: stage.name, stages: classifier.needs, datasets: fitData };
  const stored = await findStoredStages(prepared, needed, onNote);
  sweepLeftovers(project);
  const dir = temporaryPath(join(project.home, "predict"));
  try {
    const { dataset } = classifier;
    const classes = [...supports.classes, { name: "", images: queries }];
    const { pack, unreadable } = await packImages({ dataset, split: "test", classes }, dir, {
      projectDir: project.dir,
      threads: prepared.threads.engine,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    requireReadable(supports, unreadable, support);
    return await classify({ classifier, stored, dir, pack, supports, queries, unreadable }, request);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Images that are packed, and the classifier that scores them. */
interface Ready extends Pick<PackedImages, "pack" | "unreadable"> {
  readonly classifier: Classifier;
  readonly stored: StoredStages;
  /** A folder for the files of the job. */
  readonly dir: string;
  readonly supports: ImageFolder;
  readonly queries: readonly { readonly name: string }[];
}

/** Scores the queries that can be read. */
async function classify(ready: Ready, request: PredictionRequest): Promise<Prediction> {
  const classes = ready.supports.classes.map(({ name, images }) => ({ name, supports: images.length }));
  const files = ready.queries.map(({ name }) => name);
  const unreadable = files.flatMap((file) => {
    const why = ready.unreadable.get(file);
    return why === undefined ? [] : [{ file, why }];
  });
  const readable = files.filter((file) => !ready.unreadable.has(file));
  if (readable.length === 0) return { classes, images: [], unreadable };
  const brought = { shots: classes.map(({ supports }) => supports), queries: readable.length };
  const { task, metric } = metricFor(ready.classifier, brought, request);
  const scored = await runJob(jobOf(ready, request.prepared, task, metric, episodesOf(brought, task)), request);
  const isProbability = metric.entries["classify"]?.result.kind === "probabilities";
  const images = readable.map((file, i) => {
    const scores = [...scored.subarray(i * classes.length, (i + 1) * classes.length)];
    return describe(file, scores, isProbability ? scores : softmax(scores), classes);
  });
  return { classes, images, unreadable };
}

/** The id of the dataset that stands for the images of the user. No declared dataset has a name with a space. */
const broughtDataset = "brought images";

/** Checks that every support can be read. Without one of them the classifier would be another one. */
function requireReadable({ classes }: ImageFolder, unreadable: ReadonlyMap<string, string>, path: string): void {
  const bad = classes.flatMap(({ images }) => images).filter(({ name }) => unreadable.has(name));
  const [first] = bad;
  if (first === undefined) return;
  const total = classes.reduce((sum, { images }) => sum + images.length, 0);
  const others = bad.slice(1, 6).map(({ name }) => name);
  const why = `${bad.length} of its ${total} images cannot be read; the first is ${first.name}: ${unreadable.get(first.name)}`;
  const help = [
    ...(others.length === 0 ? [] : [`also: ${others.join(", ")}${bad.length > 6 ? ", …" : ""}`]),
    "replace or remove them",
  ];
  throw new DiagnosticError(diagnostic("FSL7061", undefined, { path, why }, { help }));
}

/** Returns the task of the images, and the metric of the classifier for it. @throws DiagnosticError FSL7063 if there is none. */
function metricFor(
  { id, metric: { value } }: Classifier,
  brought: BroughtImages,
  { pose, onNote }: PredictionRequest,
): { readonly task: Task; readonly metric: Metric } {
  const classify = value.entries["classify"];
  const task = taskOf(brought, classify?.transductive === true);
  if (task === undefined) {
    const why = `it sees all queries together, as many of each class, and ${brought.queries} is no multiple of ${brought.shots.length}`;
    throw misfit(value, { span: classify?.body.result.span, why }, ["give a multiple of the number of classes"]);
  }
  if (classify?.transductive === true) {
    const assumed = classify.assumes.length === 0 ? "" : `, and assumes that they are ${classify.assumes.join(", ")}`;
    onNote(
      `\`${value.name}\` is transductive: it classifies all images together${assumed}. Other images beside them change the answer`,
    );
  }
  const [metric, larger] = pose({ stage: id, tasks: [task, { ...task, shot: task.shot + 1 }] });
  if (metric === undefined || larger === undefined) throw new Error(`the metric of ${id} was not elaborated`);
  if (brought.shots.every((count) => count === task.shot)) return { task, metric };
  const changed = withShots(metric, larger, brought.shots);
  if (!("why" in changed)) return { task, metric: changed };
  const counts = `the classes have ${Math.min(...brought.shots)} to ${task.shot} supports, and it needs the same number of each`;
  throw misfit(metric, { span: changed.span, why: `${counts}: ${changed.why}` }, [
    `give each class the same number of supports, such as ${Math.min(...brought.shots)}`,
  ]);
}

function misfit(
  { name }: Metric,
  { span, why }: Pick<NeedsEqualShots, "why"> & { readonly span: Diagnostic["span"] },
  help: readonly string[],
): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7063", span, { metric: name, why }, { help }));
}

/** Returns an evaluation of the classifier on the images of the user, which reports their scores. */
function evaluationOf(classifier: Classifier, task: Task, metric: Metric): EvaluateStage {
  const { id, name, span, needs, encoder, fitFrom } = classifier;
  const split = { dataset: broughtDataset, split: "test", span } as const;
  return {
    kind: "evaluate",
    id,
    name,
    span,
    needs,
    blockers: [],
    encoder,
    metric: { ...classifier.metric, value: metric },
    ...(fitFrom === undefined ? {} : { fitFrom }),
    rows: [{ label: "", task, split, episodes: 1, metric }],
    report: [{ kind: "logits" }],
    embedOnce: takesEmbeddings(metric) ? { legal: true } : { legal: false, why: "it embeds its images itself" },
  };
}

/** Returns the experiment with an evaluation in the place of the stage with its id. */
function withEvaluation(experiment: Experiment, dataset: Dataset, asked: EvaluateStage): Experiment {
  const own: Dataset = { ...dataset, id: broughtDataset, name: broughtDataset, train: dataset.eval, facts: undefined };
  return {
    ...experiment,
    datasets: { ...experiment.datasets, [broughtDataset]: own },
    stages: experiment.stages.map((stage) => (stage.id === asked.id ? asked : stage)),
  };
}

/** Returns the job that scores the episodes. */
function jobOf(
  { classifier, stored, dir, pack }: Ready,
  { experiment, project, seed }: PreparedRun,
  task: Task,
  metric: Metric,
  episodes: readonly Episode[],
): Job {
  const asked = evaluationOf(classifier, task, metric);
  return {
    node: asked.id,
    target: asked.id,
    experiment: withEvaluation(experiment, classifier.dataset, asked),
    project,
    runDir: dir,
    scratch: join(dir, "scratch"),
    seed,
    key: "",
    content: null,
    reuseExact: false,
    profile: false,
    fresh: false,
    packs: { ...stored.packs, [broughtDataset]: pack.dir },
    inputs: jobInputs(stored),
    episodes,
  };
}

/** Runs the job in a worker and returns the scores. @throws DiagnosticError if it failed. */
async function runJob(job: Job, { prepared, onNote }: PredictionRequest): Promise<Float32Array> {
  const executor = await openProcessExecutor(prepared);
  const running = executor.submit(job, (event) => {
    if (event.type === "stage.note") onNote(event.message);
  });
  const outcome = await running.outcome;
  if (outcome.kind === "scored") return outcome.scores;
  if (outcome.kind !== "failed") throw new Error(`the prediction ended as ${outcome.kind}`);
  const { code, message, fix, span } = outcome.failure;
  const help = fix === undefined ? [] : [fix];
  throw new DiagnosticError({ code, severity: "error", message, span, labels: [], help });
}

function describe(
  file: string,
  scores: readonly number[],
  probabilities: readonly number[],
  classes: Prediction["classes"],
): PredictedImage {
  const best = scores.indexOf(Math.max(...scores));
  return { file, class: classes[best]?.name ?? "", probability: probabilities[best] ?? 0, scores, probabilities };
}

function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - most));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / sum);
}
