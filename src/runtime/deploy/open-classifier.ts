/** Opens the classifier of a stored stage: images go in, scores come out, and the model stays loaded until it is closed. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError } from "../../compiler/diagnostics/diagnostic.js";
import { datasetOf } from "../../compiler/typed/find.js";
import { ImagePreparer } from "../data/index.js";
import type { PreparedRun } from "../run/preflight.js";
import { takesEmbeddings } from "../stages/classify.js";
import type { Job } from "../stages/job.js";
import type { Answer, Given, Question } from "../stages/question.js";
import { temporaryPath } from "../system/temporary.js";
import { openResident, type RunningResident } from "../worker/process-executor.js";
import { type Classifier, classifierOf, refuseDescriptions, refuseVectors } from "./classifier.js";
import { type Pose, type PosedMetric, poseMetric } from "./posed-metric.js";
import { findStoredStages, jobInputs, type StoredStages } from "./stored-stages.js";
import { wantedStage } from "./wanted-stage.js";

export interface OpenRequest {
  /** A prepared run of the one stage whose classifier is used: the last of its graph. */
  readonly prepared: PreparedRun;
  readonly pose: Pose;
  readonly onNote: (message: string) => void;
}

/** An image that is prepared and embedded. */
export interface ReadyImage {
  /** The bytes [channels, height, width] that the encoder gets. */
  readonly pixels: Uint8Array;
  /** A digest of the encoded image. */
  readonly content: string;
  /** The outputs of the encoder by name. It has none if they were not asked for. */
  readonly features: Readonly<Record<string, Float32Array>>;
}

/** The most images whose pixels are sent to the worker at a time. */
const imagesPerQuestion = 64;

export class OpenClassifier {
  private readonly posed = new Map<string, PosedMetric>();

  private constructor(
    readonly classifier: Classifier,
    readonly stored: StoredStages,
    private readonly request: OpenRequest,
    private readonly resident: RunningResident,
    private readonly preparer: ImagePreparer,
    /** A folder for files that last as long as it is open. */
    readonly dir: string,
  ) {}

  /**
   * Loads the model.
   *
   * @throws DiagnosticError FSL7060 if the stage is not stored, FSL7062 if it cannot classify, or a code of an engine that is not available.
   */
  static async open(request: OpenRequest): Promise<OpenClassifier> {
    const { prepared, onNote } = request;
    const { experiment, project } = prepared;
    const stage = wantedStage(prepared);
    const classifier = classifierOf(stage, experiment);
    refuseDescriptions(classifier);
    refuseVectors(classifier);
    const fitData = classifier.fitFrom === undefined ? [] : [datasetOf(experiment, classifier.fitFrom.dataset)];
    const needed = { stage: stage.name, stages: classifier.needs, datasets: fitData };
    const stored = await findStoredStages(prepared, needed, onNote);
    const dir = temporaryPath(join(project.home, "predict"));
    const resident = await openResident(prepared, jobOf(prepared, classifier, stored, dir), (event) => {
      if (event.type === "stage.note") onNote(event.message);
    });
    const preparer = await ImagePreparer.open(classifier.dataset, prepared.threads.engine);
    return new OpenClassifier(classifier, stored, request, resident, preparer, dir);
  }

  /** Decodes images and applies the `eval` chain of the dataset. */
  get images(): Pick<ImagePreparer, "prepareFiles" | "prepareBytes"> {
    return this.preparer;
  }

  /** Tells whether the metric compares embeddings, so that an image is embedded once. Other metrics embed their images themselves. */
  get embedsOnce(): boolean {
    return takesEmbeddings(this.classifier.metric.value);
  }

  /** Makes images ready for `score`: they are embedded if the metric compares embeddings. */
  async makeReady(images: readonly Omit<ReadyImage, "features">[]): Promise<ReadyImage[]> {
    return this.embedsOnce ? await this.embed(images) : images.map((image) => ({ ...image, features: {} }));
  }

  /** Embeds images, each once. */
  async embed(images: readonly Omit<ReadyImage, "features">[]): Promise<ReadyImage[]> {
    const ready: ReadyImage[] = [];
    for (let start = 0; start < images.length; start += imagesPerQuestion) {
      const some = images.slice(start, start + imagesPerQuestion);
      const pixels = joinBytes(some.map((image) => image.pixels));
      const { features } = await this.ask("embedded", { kind: "embed", pixels, count: some.length });
      for (const [i, { pixels, content }] of some.entries()) {
        const rows = Object.entries(features).map(([name, all]) => {
          const width = all.length / some.length;
          return [name, all.slice(i * width, (i + 1) * width)] as const;
        });
        ready.push({ pixels, content, features: Object.fromEntries(rows) });
      }
    }
    return ready;
  }

  /**
   * Returns the score of each class for each query. The supports are given class by class.
   *
   * @throws DiagnosticError FSL7063 if the images do not fit the metric, or the diagnostic of a question that failed.
   */
  async score(classes: readonly (readonly ReadyImage[])[], queries: readonly ReadyImage[]): Promise<number[][]> {
    if (queries.length === 0) return [];
    const { task, metric, program } = this.pose(classes, queries.length);
    // A class with fewer supports repeats them, and the metric counts each of them once.
    const supports = classes.flatMap((own) => Array.from({ length: task.shot }, (_, k) => own[k % own.length]));
    const support = this.given(supports.filter((one) => one !== undefined));
    const perQuestion = task.way * task.query;
    const scores: number[][] = [];
    for (let start = 0; start < queries.length; start += perQuestion) {
      const some = queries.slice(start, start + perQuestion);
      const filled = Array.from({ length: perQuestion }, (_, i) => some[i] ?? some.at(-1));
      const query = this.given(filled.filter((one) => one !== undefined));
      const question = { kind: "score", metric, task, program, support, query } as const;
      const { scores: all } = await this.ask("scored", question);
      scores.push(...some.map((_, i) => [...all.subarray(i * task.way, (i + 1) * task.way)]));
    }
    return scores;
  }

  /** Returns an explanation of why the metric cannot classify with these numbers of supports, or undefined if it can. */
  problemWith(shots: readonly number[]): DiagnosticError | undefined {
    try {
      this.poseFor(shots, 1);
    } catch (error) {
      if (error instanceof DiagnosticError) return error;
      throw error;
    }
    return undefined;
  }

  async close(): Promise<void> {
    this.resident.close();
    await this.preparer.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  private pose(classes: readonly (readonly ReadyImage[])[], queries: number): PosedMetric {
    return this.poseFor(
      classes.map(({ length }) => length),
      queries,
    );
  }

  private poseFor(shots: readonly number[], queries: number): PosedMetric {
    const key = `${shots.join()} ${queries}`;
    const known = this.posed.get(key);
    if (known !== undefined) return known;
    const posed = poseMetric(this.classifier, { shots, queries }, this.request.pose);
    this.posed.set(key, posed);
    return posed;
  }

  private given(images: readonly ReadyImage[]): Given {
    if (!this.embedsOnce) return { images: joinBytes(images.map(({ pixels }) => pixels)) };
    const names = Object.keys(images[0]?.features ?? {});
    return Object.fromEntries(names.map((name) => [name, joinFloats(images.map(({ features }) => features[name]))]));
  }

  private async ask<K extends Answer["kind"]>(kind: K, question: Question): Promise<Extract<Answer, { kind: K }>> {
    const answer = await this.resident.ask(question);
    if (answer.kind === kind) return answer as Extract<Answer, { kind: K }>;
    if (answer.kind !== "failed") throw new Error(`the classifier answered ${answer.kind}`);
    const { code, message, fix, span } = answer.failure;
    const help = fix === undefined ? [] : [fix];
    throw new DiagnosticError({ code, severity: "error", message, span, labels: [], help });
  }
}

/** Returns the job of the worker that keeps the classifier loaded. */
function jobOf(
  { experiment, project, seed }: PreparedRun,
  classifier: Classifier,
  stored: StoredStages,
  dir: string,
): Job {
  const { id, encoder, metric, fitFrom, span, dataset } = classifier;
  return {
    node: id,
    target: id,
    experiment,
    project,
    runDir: dir,
    scratch: join(dir, "scratch"),
    seed,
    key: "",
    content: null,
    reuseExact: false,
    profile: false,
    attempt: 1,
    fresh: false,
    packs: stored.packs,
    inputs: jobInputs(stored),
    resident: { encoder, metric, ...(fitFrom === undefined ? {} : { fitFrom }), span, dataset },
  };
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

function joinFloats(parts: readonly (Float32Array | undefined)[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + (part?.length ?? 0), 0));
  let at = 0;
  for (const part of parts) {
    if (part === undefined) continue;
    all.set(part, at);
    at += part.length;
  }
  return all;
}
