/**
 * Keeps a trained classifier loaded and answers one question after another: it embeds images that no dataset has, and scores
 * queries against supports. The programs are those of an evaluation, so the scores are too.
 */
import { lowerClassify, lowerEmbed, lowerEpisodes } from "../../compiler/lower/index.js";
import type { Program } from "../../compiler/tensor/ir.js";
import { encoderWeights, metricWeights } from "../../compiler/typed/weights.js";
import type { Executable, HostTensors } from "../engines/engine.js";
import { ClassifiedEpisodes } from "./classified-episodes.js";
import { classify, type Feeder, outputsOf, takesEmbeddings } from "./classify.js";
import type { StageContext } from "./context.js";
import { allocateFeeds, feedData, inputNames, pick } from "./feeds.js";
import { computeFits } from "./fit.js";
import type { Answer, Given, Question, Resident } from "./question.js";
import { SegmentedExecutable } from "./segmented.js";
import { requireNumbers } from "./unscored.js";
import { loadInitialWeights } from "./weights.js";

/** The numbers of images that a program embeds at once: one image is quick, and many share the work of a run. */
const embeddingSizes = [1, 16, 64] as const;
/** The most programs of a metric that are kept. Every set of supports with other numbers needs one. */
const mostScorers = 8;

/** The report that has the scores. */
const report = [{ kind: "logits" }] as const;

/** Returns the outputs of the encoder that questions get: those that the metric takes, and all if it embeds its images itself. */
export function residentOutputs({ encoder, metric }: Resident): string[] {
  const taken = takesEmbeddings(metric.value) ? outputsOf(metric.value) : [];
  return taken.length > 0 ? taken : Object.keys(encoder.value.outputs);
}

export class ResidentClassifier {
  private readonly weights: HostTensors;
  private readonly embedders = new Map<number, { readonly program: Program; readonly executable: Executable }>();
  private readonly scorers = new Map<string, SegmentedExecutable>();

  constructor(
    private readonly resident: Resident,
    private readonly context: StageContext,
  ) {
    this.weights = loadInitialWeights(encoderWeights(resident.encoder), context.job);
  }

  /** Answers a question. @throws DiagnosticError if the metric cannot score these images; EngineError if the engine fails. */
  async answer(question: Question): Promise<Answer> {
    if (question.kind === "embed") return { kind: "embedded", features: await this.embed(question) };
    return { kind: "scored", scores: await this.score(question) };
  }

  private async embed({ pixels, count }: Extract<Question, { kind: "embed" }>): Promise<Record<string, Float32Array>> {
    const features: Record<string, Float32Array> = {};
    const perImage = pixels.length / count;
    for (let start = 0; start < count; ) {
      const size = embeddingSizes.find((one) => one >= count - start) ?? embeddingSizes.at(-1) ?? 1;
      const { program, executable } = await this.embedder(size);
      const feeds = allocateFeeds(program);
      const filled = Math.min(size, count - start);
      feedData(feeds, "images", Uint8Array).set(pixels.subarray(start * perImage, (start + filled) * perImage));
      const { host } = await executable.run(feeds);
      for (const [name, { data }] of Object.entries(host)) {
        const width = data.length / size;
        features[name] ??= new Float32Array(count * width);
        features[name].set(data.subarray(0, filled * width), start * width);
      }
      start += filled;
      this.context.progress.step();
    }
    return features;
  }

  private async embedder(batch: number) {
    const known = this.embedders.get(batch);
    if (known !== undefined) return known;
    const { encoder, dataset } = this.resident;
    const outputs = residentOutputs(this.resident);
    const program = lowerEmbed(encoder.value, dataset, { batch, outputs, slot: "encoder" });
    const constants = pick(this.weights, inputNames(program, "weight"));
    const made = { program, executable: await this.context.engine.compile(program, constants) };
    this.embedders.set(batch, made);
    this.context.progress.endPreparation();
    return made;
  }

  private async score(question: Extract<Question, { kind: "score" }>): Promise<Float32Array> {
    const { task, support, query } = question;
    const executable = await this.scorer(question);
    const { name: stage, span } = { name: this.context.job.node, span: this.resident.span };
    const into = new ClassifiedEpisodes({ task, count: 1, report });
    const episode = { classes: new Int32Array(task.way), support: new Int32Array(), query: new Int32Array() };
    const described = new Map();
    const request = { episodes: [episode], into, executable, perRun: 1, weights: {}, described, showProgress: false };
    await classify(request, fromGiven(support, query), this.context);
    requireNumbers(into.classification, { stage, task, span });
    const { logits } = into.classification;
    if (logits === undefined) throw new Error(`the program of ${stage} gives no logits`);
    return logits;
  }

  /** Returns the program for the task of a question. The one that was not used for the longest time makes room. */
  private async scorer({ program: name, metric, task }: Extract<Question, { kind: "score" }>) {
    const known = this.scorers.get(name);
    if (known !== undefined) {
      this.scorers.delete(name);
      this.scorers.set(name, known);
      return known;
    }
    const { encoder, dataset, fitFrom } = this.resident;
    const lowering = { episodes: 1, report };
    const program = takesEmbeddings(metric)
      ? lowerClassify(metric, task, encoder.value, lowering)
      : lowerEpisodes(metric, task, encoder.value, dataset, lowering);
    const constants = {
      ...this.weights,
      ...loadInitialWeights(metricWeights({ ...this.resident.metric, value: metric }, encoder.value), this.context.job),
      ...(await computeFits({ metric, fitFrom, encoder: encoder.value, weights: this.weights }, this.context)),
    };
    const executable = await SegmentedExecutable.compile(program, constants, this.context.engine);
    this.scorers.set(name, executable);
    const [oldest] = this.scorers;
    if (this.scorers.size > mostScorers && oldest !== undefined) {
      this.scorers.delete(oldest[0]);
      await oldest[1].dispose();
    }
    this.context.progress.endPreparation();
    return executable;
  }
}

/** Returns a feeder of what a question gives: embeddings for `support.vector` and `query.vector`, or the images of both. */
function fromGiven(support: Given, query: Given): Feeder {
  return (feeds) => {
    for (const [name, { data }] of Object.entries(feeds)) {
      if (name === "images") {
        data.set(partOf(support, "images"));
        data.set(partOf(query, "images"), partOf(support, "images").length);
      } else if (name.startsWith("support.")) data.set(partOf(support, name.slice("support.".length)));
      else if (name.startsWith("query.")) data.set(partOf(query, name.slice("query.".length)));
    }
  };
}

function partOf(given: Given, name: string): Float32Array | Uint8Array {
  const part = given[name];
  if (part === undefined) throw new Error(`nothing can feed ${name}`);
  return part;
}
