/** Runs a metric over episodes whose images are already embedded. */
import type { Program } from "../../compiler/tensor/ir.js";
import type { Metric, Task } from "../../compiler/typed.js";
import type { Episode } from "../data/contract.js";
import type { Executable, Handle, HostTensor } from "../engines/engine.js";
import type { StageContext } from "./context.js";
import { allocateFeeds, feedData } from "./feeds.js";
import type { Rows } from "./rows.js";

/** What a classification gives of one query, in the order of episodes and of queries in them. */
export interface Classified {
  /** Credit for being right, per query: 1, 0, or 1/ties. */
  readonly correct: Float32Array;
  /** By k of a `top k` report. */
  readonly top: ReadonlyMap<number, Float32Array>;
  /** The way (0…) that each query was put into. */
  readonly predicted: Int32Array;
}

export interface ClassifyRequest {
  readonly task: Task;
  readonly episodes: readonly Episode[];
  readonly top: readonly number[];
  /** `lowerClassify`'s program for `perRun` episodes, compiled. */
  readonly program: Program;
  readonly executable: Executable;
  readonly perRun: number;
  readonly weights: Readonly<Record<string, Handle | HostTensor>>;
  readonly rows: ReadonlyMap<string, Rows>;
  readonly announce: boolean;
}

export async function classify(request: ClassifyRequest, context: StageContext): Promise<Classified> {
  const { task, episodes, program, executable, perRun, weights } = request;
  const queries = task.way * task.query;
  const correct = new Float32Array(episodes.length * queries);
  const predicted = new Int32Array(episodes.length * queries);
  const top = new Map(request.top.map((k) => [k, new Float32Array(episodes.length * queries)]));
  const feeds = allocateFeeds(program);
  const sources = Object.keys(feeds).map((name) => source(name, feedData(feeds, name, Float32Array), request.rows));
  for (let start = 0; start < episodes.length; start += perRun) {
    const count = Math.min(perRun, episodes.length - start);
    for (let e = 0; e < count; e++) {
      const episode = episodes[start + e];
      if (episode === undefined) break;
      for (const { data, rows, part } of sources) {
        const images = episode[part];
        rows.gather(images, data, e * images.length * rows.width);
      }
    }
    // A short last run keeps the episodes of the one before it at its end: their answers are dropped.
    const { host } = await executable.run({ ...weights, ...feeds });
    const take = (target: Float32Array | Int32Array, name: string): void => {
      const data = host[name]?.data;
      if (data === undefined) throw new Error(`the classification gave no ${name}`);
      target.set(data.subarray(0, count * queries), start * queries);
    };
    take(correct, "correct");
    take(predicted, "predicted");
    for (const [k, hits] of top) take(hits, `top${k}`);
    context.pace.step();
    if (request.announce) {
      context.say({
        type: "stage.progress",
        phase: "classify",
        done: start + count,
        total: episodes.length,
        unit: "episodes",
      });
    }
  }
  return { correct, top, predicted };
}

/** `support.vector` is fed from the rows of the output `vector`, by each episode's supports. */
function source(
  name: string,
  data: Float32Array,
  all: ReadonlyMap<string, Rows>,
): { data: Float32Array; rows: Rows; part: "support" | "query" } {
  const dot = name.indexOf(".");
  const part = name.slice(0, dot);
  const rows = all.get(name.slice(dot + 1));
  if (rows === undefined || (part !== "support" && part !== "query")) throw new Error(`nothing can feed ${name}`);
  return { data, rows, part };
}

/** The mean of each episode's queries. */
export function perEpisode(values: Float32Array, episodes: number): Float64Array {
  const queries = values.length / episodes;
  return Float64Array.from({ length: episodes }, (_, e) => {
    let sum = 0;
    for (let q = 0; q < queries; q++) sum += values[e * queries + q] ?? 0;
    return sum / queries;
  });
}

/** The outputs of the encoder that `classify` of a metric looks at. */
export function outputsOf(metric: Metric): string[] {
  const forms = metric.entries["classify"]?.params.map((param) => param.form) ?? [];
  return [...new Set(forms.filter((form) => form !== "image" && form !== "encoder" && form !== "class"))];
}

/** Every image that the episodes name, ascending, each once. */
export function imagesOf(episodes: readonly Episode[]): Int32Array {
  const images = new Set<number>();
  for (const { support, query } of episodes) {
    for (const image of support) images.add(image);
    for (const image of query) images.add(image);
  }
  return Int32Array.from(images).sort();
}
