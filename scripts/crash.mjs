// Kills runs of a tiny experiment at random moments, runs it again until it is done, and compares it with an uninterrupted run:
//   node scripts/crash.mjs [--kills 200] [--seed 1] [--keep]
// SIGKILL ends the scheduler, its worker, or both: while it starts, ingests, trains, validates, commits or evaluates. Trainings write a
// checkpoint after each step. A trial is good if the results, the weights, the validations and all reported files have the same bits as
// without a kill, no finished stage runs again, no step before the last checkpoint is repeated, and `fslc store verify` finds no damage.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cli, option, randomFrom, temporaryFolder, writeProject } from "./campaign.mjs";

const kills = Number(option("kills", 200));
/** A trial is a run that is killed up to so many times. */
const mostPerTrial = 8;

const random = randomFrom(Number(option("seed", 1)));
const pick = (list) => list[random(list.length)];

// ---------------------------------------------------------------- the experiment

const experiment = `fsl 1
import { prototypes } from "fsl:metrics"
dataset d {
  source folder("data")
  train flip(0.5), resize(12), center_crop(12), normalize(mean: [0.5], std: [0.25])
  eval resize(12), center_crop(12), normalize(mean: [0.5], std: [0.25])
}
backbone small {
  conv(3, channels: 4, stride: 2),
  batch_norm,
  relu,
  flatten as vector
}
episode task = 2 way, 1 shot, 2 query
pretrain base {
  data d.train
  encoder small
  head linear(class)
  optimizer sgd(lr: 0.01, momentum: 0.9)
  schedule cosine
  for 3 epochs, 8 images per step
}
meta proto {
  encoder base.encoder
  metric prototypes
  episodes task from d.train
  optimizer adam(lr: 0.001)
  ema 0.9
  for 4 epochs of 12 episodes, 2 episodes per step
  validate task from d.val, 20 episodes, every epoch, keep best
}
evaluate test {
  of proto
  episodes task from d.test, 400 episodes
  report accuracy, per_class, logits
}
`;

const project = temporaryFolder("crash");
const home = join(project, ".fslc");

// ---------------------------------------------------------------- runs

const settings = {
  cwd: project,
  env: { ...process.env, FORCE_COLOR: "0", FSLC_CHECKPOINT_SECONDS: "0" },
};

/** The moments at which a kill comes, by what the run reports there, and the stage that must not be finished before. */
const moments = {
  starting: { is: ({ type }) => type === "run.start", before: "test" },
  ingesting: { is: ({ type, stage }) => stage === "data:d" && type !== "stage.note", before: "data:d" },
  training: { is: ({ type }) => type === "stage.step", before: "proto" },
  validating: { is: ({ type, phase }) => type === "stage.validate" || phase === "validate", before: "proto" },
  committing: { is: ({ type, step, steps }) => type === "stage.step" && step === steps, before: "proto" },
  evaluating: { is: ({ type, stage }) => stage === "test" && type !== "stage.cached", before: "test" },
};

/** Draws a moment that can still come, and whom to kill. Returns undefined if everything is finished. */
function drawKill(finished) {
  const names = Object.keys(moments).filter((name) => !finished.has(moments[name].before));
  if (names.length === 0) return undefined;
  return {
    moment: pick(names),
    occurrence: 1 + random(random(2) === 0 ? 1 : 4),
    delay: random(pick([1, 60, 400])),
    whom: pick(["scheduler", "worker", "both"]),
  };
}

/** Kills the scheduler, its worker, or both. Returns false if there is nobody to kill. */
function kill(scheduler, whom) {
  const victims =
    whom === "scheduler" ? [scheduler] : [...workersOf(scheduler), ...(whom === "both" ? [scheduler] : [])];
  let killed = false;
  for (const pid of victims) {
    try {
      process.kill(pid, "SIGKILL");
      killed = true;
    } catch {
      // It has ended by itself.
    }
  }
  return killed;
}
function workersOf(pid) {
  try {
    return execFileSync("pgrep", ["-P", String(pid)], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map(Number);
  } catch {
    return []; // It has no worker now.
  }
}

/** Runs the experiment, with a kill at a moment if one is given. Resolves to its events, its exit code and whether the kill came. */
async function play(plan) {
  const child = spawn(process.execPath, [cli, "run", "e.fsl", "--reporter", "json", "--threads", "1"], settings);
  const events = [];
  let said = "";
  let killed = false;
  let seen = 0;
  child.stderr.on("data", (chunk) => {
    said += String(chunk);
  });
  let timer;
  const strike = () => {
    killed = kill(child.pid, plan.whom);
    if (!killed) timer = setTimeout(strike, 20); // There is no worker between two stages.
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    let event;
    try {
      event = JSON.parse(line);
    } catch {
      return; // A kill may cut the last line.
    }
    events.push(event);
    if (plan === undefined || !moments[plan.moment].is(event) || ++seen !== plan.occurrence) return;
    timer = setTimeout(strike, plan.delay);
  });
  const status = await new Promise((resolve) => child.on("close", resolve));
  clearTimeout(timer);
  return { events, status, killed, said: said.trim() };
}

// ---------------------------------------------------------------- what is left

/** Returns what the store holds, by stage: the digests of weights, results and files, and the validations. */
function stored() {
  const stages = new Map();
  for (const { key, dir } of entries()) {
    const { stage, output, history, weights, files, results } = JSON.parse(
      readFileSync(join(dir, "manifest.json"), "utf8"),
    );
    const numbers = [key, output, history, weights?.sha256, weights?.from, results, files.map((file) => file.sha256)];
    stages.set(stage.id, JSON.stringify(numbers));
  }
  return stages;
}
function entries() {
  const keys = namesIn(join(home, "store")).filter((name) => /^[0-9a-f]{64}$/.test(name));
  return keys.flatMap((key) =>
    namesIn(join(home, "store", key)).map((name) => ({ key, dir: join(home, "store", key, name) })),
  );
}
const namesIn = (dir) => (existsSync(dir) ? readdirSync(dir) : []);

/** Returns the step of the last checkpoint of the training that is not finished, or 0. */
function lastCheckpoint() {
  const finished = new Set(entries().map(({ key }) => key));
  const root = join(home, "checkpoints");
  const steps = namesIn(root)
    .filter((key) => !finished.has(key))
    .flatMap((key) => namesIn(join(root, key)).flatMap((name) => namesIn(join(root, key, name))))
    .flatMap((name) => Number(/^step-(\d+)-[0-9a-f]{64}\.safetensors$/.exec(name)?.[1] ?? []));
  return Math.max(0, ...steps);
}

const validationsOf = (events) =>
  events.flatMap(({ type, stage, step, accuracy, ci95, best }) =>
    type === "stage.validate" ? [[`${stage} ${step}`, JSON.stringify([accuracy, ci95, best])]] : [],
  );

/** Returns what is wrong with a run, given what was finished before it. */
function faultsOf({ events, status, said }, { finished, checkpoint, validations }) {
  const faults = [];
  if (/FSL7099|\n {4}at /.test(said)) faults.push(`a bug: ${said}`);
  for (const { type, stage } of events) {
    if (type === "stage.start" && finished.has(stage)) faults.push(`${stage} was finished and ran again`);
  }
  const step = events.find(({ type }) => type === "stage.step");
  if (checkpoint > 0 && step !== undefined && step.step <= checkpoint) {
    faults.push(`step ${step.step} of ${step.stage} was repeated, although there is a checkpoint of ${checkpoint}`);
  }
  for (const [place, numbers] of validationsOf(events)) {
    if (validations.get(place) !== numbers) faults.push(`the validation of ${place} is ${numbers}`);
  }
  if (status === 0 && JSON.stringify(resultsOf(events)) !== JSON.stringify(reference.results)) {
    faults.push("the results differ");
  }
  return faults;
}
const resultsOf = (events) => events.find(({ type }) => type === "run.done")?.results;

/** Runs the experiment anew and kills it up to `most` times. Returns the number of kills and what went wrong. */
async function trial(most) {
  rmSync(home, { recursive: true, force: true });
  const finished = new Set();
  const told = [];
  let count = 0;
  for (;;) {
    const plan = count >= most ? undefined : drawKill(finished);
    const before = { finished: new Set(finished), checkpoint: lastCheckpoint(), validations: reference.validations };
    const played = await play(plan);
    for (const { type, stage } of played.events) if (/^stage\.(done|cached)$/.test(type)) finished.add(stage);
    for (const stage of stored().keys()) finished.add(stage);
    const faults = faultsOf(played, before);
    if (played.killed) {
      count++;
      told.push(`${plan.whom} while ${plan.moment}`);
    } else if (played.status !== 0) faults.push(`status ${played.status} without a kill: ${played.said}`);
    if (faults.length > 0) return { count, told, faults };
    if (played.status === 0) break;
  }
  const now = stored();
  const faults = [...reference.stored].flatMap(([stage, numbers]) =>
    now.get(stage) === numbers ? [] : [`${stage} differs:\n${now.get(stage)}\n${numbers}`],
  );
  const verified = spawnSync(process.execPath, [cli, "store", "verify"], { ...settings, encoding: "utf8" });
  if (verified.status !== 0) faults.push(verified.stderr.trim());
  return { count, told, faults };
}

await writeProject(project, experiment, { splits: { train: 6, val: 3, test: 3 }, perClass: 16, random });
const whole = await play();
if (whole.status !== 0) {
  console.error(whole.said);
  process.exit(2);
}
const reference = {
  results: resultsOf(whole.events),
  stored: stored(),
  validations: new Map(validationsOf(whole.events)),
};
let done = 0;
let failed = 0;
while (done < kills) {
  const { count, told, faults } = await trial(Math.min(mostPerTrial, kills - done));
  done += count;
  failed += faults.length > 0 ? 1 : 0;
  const verdict = faults.length > 0 ? "WRONG" : "same";
  console.log(`${String(done).padStart(3)}  ${verdict.padEnd(5)}  ${told.join(", ")}`);
  for (const fault of faults) console.log(`       ${fault}`);
}
console.log(`${done} kills, ${failed} wrong`);
process.exitCode = failed > 0 ? 1 : 0;
