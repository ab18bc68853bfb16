/** Writes the scores of each query as files: safetensors for programs that compute with them, JSON for all others. */
import { type Episode, wayOf } from "../data/contract.js";
import { type EpisodeClass, toEpisodeList } from "../data/episode-list.js";
import { encodeSafetensors } from "../store/safetensors.js";
import type { ScoredEpisodes } from "./scored-episodes.js";

/** Returns the kind of scores that the metric gives. */
const kindOf = ({ row }: ScoredEpisodes): "logits" | "probabilities" =>
  row.metric.entries["classify"]?.result.kind === "probabilities" ? "probabilities" : "logits";

/** Returns the scores as f32 [episode, query, way], with the queries class by class. */
function scoresOf({ classified }: ScoredEpisodes): Float32Array {
  if (classified.logits === undefined) throw new Error("the scores of each way were not kept");
  return classified.logits;
}

/**
 * Returns a safetensors file with four tensors: `logits` (or `probabilities`) f32 [episode, query, way], `labels` i32 [episode, query], `classes` i32 [episode, way] and
 * `images` i32 [episode, query] by number within the split.
 */
export function scoresAsSafetensors(scored: ScoredEpisodes): Uint8Array {
  const { row, split, episodes } = scored;
  const { way, shot, query } = row.task;
  const queries = way * query;
  const numbers = (width: number, value: (episode: Episode, i: number) => number) => {
    const data = new Int32Array(episodes.length * width);
    for (const [e, episode] of episodes.entries()) {
      for (let i = 0; i < width; i++) data[e * width + i] = value(episode, i);
    }
    return { shape: [episodes.length, width], dtype: "i32" as const, data };
  };
  const metadata = {
    split: split.split,
    task: JSON.stringify({ way, shot, query }),
    classes: JSON.stringify(split.classes),
  };
  return encodeSafetensors(
    {
      [kindOf(scored)]: { shape: [episodes.length, queries, way], dtype: "f32", data: scoresOf(scored) },
      labels: numbers(queries, (episode, i) => wayOf(episode, row.task, i)),
      classes: numbers(way, ({ classes }, i) => classes[i] ?? 0),
      images: numbers(queries, (episode, i) => episode.query[i] ?? 0),
    },
    metadata,
  );
}

/**
 * Returns JSON of `schemas/logits.schema.json`: the list of the episodes (`episode-list.ts`) with the scores of the queries of each
 * class, one score for each way. Each line holds one class of an episode. Nine digits determine a 32-bit number.
 */
export function scoresAsJson(scored: ScoredEpisodes): Uint8Array {
  const { row, split, episodes } = scored;
  const { way, shot, query } = row.task;
  const kind = kindOf(scored);
  const scores = scoresOf(scored);
  const list = toEpisodeList(split, row.task, episodes);
  const rows = (e: number, w: number): number[][] =>
    Array.from({ length: query }, (_, q) => {
      const at = ((e * way + w) * query + q) * way;
      return Array.from(scores.subarray(at, at + way), (score) => Number(score.toPrecision(9)));
    });
  const line = (one: EpisodeClass, e: number, w: number): string =>
    `    ${JSON.stringify({ ...one, [kind]: rows(e, w) })}`;
  // The file is encoded episode by episode, because a single string for all of them may exceed the maximal length.
  const head = JSON.stringify({ format: 1, way, shot, query, split: split.split, scores: kind }).slice(0, -1);
  const parts = list.episodes.map((classes, e) =>
    Buffer.from(`${e === 0 ? "" : ",\n"}  [\n${classes.map((one, w) => line(one, e, w)).join(",\n")}\n  ]`),
  );
  return Buffer.concat([Buffer.from(`${head},\n"episodes": [\n`), ...parts, Buffer.from("\n]\n}\n")]);
}
