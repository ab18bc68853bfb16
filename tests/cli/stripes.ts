/** An experiment of many methods on the tiny images, for the tests of what is done with finished stages. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Project } from "../../src/runtime/system/project.js";
import { makeProject } from "../runtime/tiny.js";
import { fslc } from "./command-line.js";

/** Returns the experiment. `transforms` are the lines of its dataset. */
const textOf = (transforms: string): string => `fsl 1
import { folder } from "fsl:datasets"
import { bd_cspn } from "fsl:transductive"
import { maml_inductive, r2d2 } from "fsl:meta"
import { matching, nearest_neighbor, prototypes, simple_shot } from "fsl:metrics"

dataset stripes = folder(root: "images") { ${transforms} }
backbone small { repeat 2 { conv(3, 8), batch_norm, relu, max_pool(2) } flatten as vector }
backbone raw { flatten as vector }
episode task = 2 way, 2 shot, 3 query

meta proto {
  encoder   small
  metric    prototypes
  episodes  task from stripes.train
  optimizer adam(lr: 0.01)
  for       1 epochs of 4 episodes, 2 episodes per step
}
pretrain base {
  data      stripes.train
  encoder   small
  head      linear(class)
  optimizer sgd(lr: 0.01)
  for       1 epochs, 24 images per step
}
evaluate test { of proto  episodes task from stripes.test, 3 episodes  report accuracy, logits_json }
evaluate centered like test { metric simple_shot  fit from stripes.train }
evaluate nearest like test { encoder raw  metric nearest_neighbor }
evaluate attention like test { metric matching }
evaluate ridge like test { metric untrained r2d2 }
evaluate adapted like test { encoder proto.encoder  metric untrained maml_inductive(tested: 2 steps) }
evaluate adapted_long like test { encoder proto.encoder  metric untrained maml_inductive(tested: 200 steps) }
evaluate together like test { metric bd_cspn }
`;

export interface FinishedProject {
  readonly project: Project;
  readonly file: string;
}

/** Makes a project in which the experiment has run without a fault. */
export async function stripesProject(transforms: string): Promise<FinishedProject> {
  const project = await makeProject();
  const file = join(project.dir, "stripes.fsl");
  writeFileSync(file, textOf(transforms));
  const { code, err } = await fslc("run", file);
  if (code !== 0 || err.includes("FSL")) throw new Error(err);
  return { project, file };
}

/** The images of a class of an episode, and the scores of its queries. */
export type EpisodeClass = { class: string; support: string[]; query: string[] } & Record<string, number[][]>;

/** Returns the first episode of an evaluation, as `report logits_json` wrote it. */
export function firstEpisode(
  project: Project,
  stage: string,
): { kind: "logits" | "probabilities"; classes: readonly EpisodeClass[] } {
  const runs = join(project.home, "runs");
  const last = readdirSync(runs).sort().at(-1) ?? "";
  const { episodes, scores } = JSON.parse(readFileSync(join(runs, last, "results", stage, "logits.json"), "utf8"));
  return { kind: scores, classes: episodes[0] };
}
