// Runs a sweep on a real Slurm with two nodes on this machine, disturbs it, and compares it with the same sweep without Slurm:
//   node scripts/slurm.mjs [--short] [--only requeue] [--keep]
// Each case begins with an empty store. It is good if every stage has the same bits as on this machine alone: the weights, the results and
// all reported files. The short form kills the process of the run and one job in a single case. See scripts/slurm-cluster.mjs.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { cli, flag, option, randomFrom, temporaryFolder, writeProject } from "./campaign.mjs";
import { startCluster, whyNoSlurm } from "./slurm-cluster.mjs";

const missing = whyNoSlurm();
if (missing !== undefined) {
  console.error(missing);
  process.exit(3);
}
const short = flag("short");
const only = option("only", undefined);

const experiment = `fsl 1
import { prototypes } from "fsl:metrics"
param shots = 1 shot
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
episode tests = 2 way, shots, 2 query
meta proto {
  encoder small
  metric prototypes
  episodes task from d.train
  optimizer adam(lr: 0.001)
  for ${short ? 200 : 1000} epochs of 12 episodes, 2 episodes per step
  validate task from d.val, 20 episodes, every 100 epochs, keep best
}
evaluate test {
  of proto
  episodes tests from d.test, 400 episodes
  report accuracy, per_class, logits
}
`;
const variants = ["--sweep", "shots=1,2", ...(short ? [] : ["--seeds", "0..2"])];

const root = temporaryFolder("slurm");
/** Jobs wait while this file is there, so that a run can be killed and given again before they end. */
const hold = join(root, "hold");
const before = [`while [ -e ${hold} ]; do sleep 0.1; done`];
const clusters = { two: { executor: "slurm", cpus: 1, episodes: 150, limit: 4, pollSeconds: 0.5, before } };
const project = join(root, "project");
const store = join(project, ".fslc");
await writeProject(project, experiment, { splits: { train: 6, val: 3, test: 3 }, perClass: 16, random: randomFrom(1) });
writeFileSync(join(project, "fslc.clusters.json"), JSON.stringify(clusters));
const cluster = await startCluster(join(root, "state"));
const env = { ...cluster.env, FORCE_COLOR: "0", FSLC_CHECKPOINT_SECONDS: "0.2" };

/** Runs the sweep and gives each event to `onEvent`. Returns the events, or those before `end` was called. */
async function run(options, onEvent = () => {}) {
  const words = [cli, "run", "e.fsl", ...variants, "--reporter", "json", ...options];
  const child = spawn(process.execPath, words, { cwd: project, env, stdio: ["ignore", "pipe", "inherit"] });
  const events = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    events.push(event);
    onEvent(event, () => child.kill("SIGKILL"));
  }
  return events;
}

/** Returns what the store has of each stage: everything of a manifest that numbers decide. */
function stored() {
  const entries = readdirSync(join(store, "store"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith("manifest.json"))
    .map((name) => JSON.parse(readFileSync(join(store, "store", name), "utf8")))
    .map(({ key, output, weights, history, results, files, numerics }) => {
      return JSON.stringify({ key, output, weights, history, results, files, numerics });
    });
  return entries.sort().join("\n");
}

const slurm = (command, ...words) =>
  execFileSync(command, words, { env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
/** Returns the job that a note names. */
const jobOf = ({ message = "" }) => /(?:submitted to Slurm as job|Slurm job) (\d\S*)/.exec(message)?.[1];
/** Returns a listener that calls `act` when the first training is submitted. */
function whenSubmitted(act) {
  let acted = false;
  return (event, end) => {
    if (acted || !event.stage?.startsWith("proto") || jobOf(event) === undefined) return;
    acted = true;
    act(undefined, end);
  };
}
/** Returns a listener that calls `act` with the job of the first training that is making steps. */
function atFirstStep(act) {
  const jobs = new Map();
  let acted = false;
  return (event, end) => {
    const job = jobOf(event);
    if (job !== undefined) jobs.set(event.stage, job);
    if (event.type !== "stage.step" || acted) return;
    acted = true;
    act(jobs.get(event.stage), end);
  };
}
/** Kills the process in the background that submits the jobs, and the one that watches it. */
function killScheduler(_, end) {
  const locks = join(store, "locks");
  const name = readdirSync(locks).find((one) => one.startsWith("run-"));
  const [token] = readdirSync(join(locks, name));
  process.kill(JSON.parse(readFileSync(join(locks, name, token), "utf8")).pid, "SIGKILL");
  end();
}
/** Kills the process of a run when its first training is submitted, and gives the run again. */
async function killAndRunAgain(onEvent = () => {}) {
  execFileSync(process.execPath, [cli, "data", "fetch", "e.fsl"], { cwd: project, env, stdio: "ignore" });
  writeFileSync(hold, "");
  await run(onCluster, whenSubmitted(killScheduler));
  return await run(onCluster, (event, end) => {
    if (event.message?.includes("of an earlier run")) rmSync(hold, { force: true });
    onEvent(event, end);
  });
}
const killJob = (job) => slurm("scancel", "--signal=KILL", "--batch", job);
const onCluster = ["--cluster", "two"];

const cases = {
  undisturbed: () => run(onCluster),
  "a job is killed": () => run(onCluster, atFirstStep(killJob)),
  "a job is requeued": () =>
    run(
      onCluster,
      atFirstStep((job) => slurm("scontrol", "requeue", job)),
    ),
  "a job is told that its time ends": () =>
    run(
      onCluster,
      atFirstStep((job) => slurm("scancel", "--signal=USR1", "--batch", job)),
    ),
  "a node is set down": async () => {
    const down = () => slurm("scontrol", "update", "nodename=n1", "state=down", "reason=campaign");
    const events = await run(onCluster, atFirstStep(down));
    try {
      slurm("scontrol", "update", "nodename=n1", "state=resume");
    } catch {
      // A node that answers has come back by itself.
    }
    return events;
  },
  "the process of the run is killed": () => killAndRunAgain(),
  "the process of the run and then a job are killed": () => killAndRunAgain(atFirstStep(killJob)),
};
const chosen = Object.keys(cases).filter((name) => {
  return short ? name.startsWith("the process of the run and") : only === undefined || name.includes(only);
});

let bad = 0;
try {
  await run(["--threads", "1"]);
  const wanted = stored();
  if (flag("keep")) cpSync(store, join(root, "local"), { recursive: true });
  for (const name of chosen) {
    rmSync(store, { recursive: true, force: true });
    const started = performance.now();
    const events = await cases[name]();
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    const status = events.at(-1)?.status;
    const notes = events.flatMap(({ type, stage, message }) => (type === "stage.note" ? [`${stage}: ${message}`] : []));
    const adopted = notes.filter((note) => note.includes("of an earlier run")).length;
    const again = notes.filter((note) => note.includes("submitted again")).length;
    const continued = notes.filter((note) => note.includes("continues after")).length;
    const problems = [
      ...(status === "done" ? [] : [`the run ended as ${status}`]),
      ...(stored() === wanted ? [] : ["the store differs from that of the run without Slurm"]),
      ...(name.startsWith("the process") && adopted === 0 ? ["no job was taken over"] : []),
      ...(!name.startsWith("the process") && readdirSync(join(store, "jobs")).length > 0
        ? ["folders of jobs are left"]
        : []),
    ];
    bad += problems.length > 0 ? 1 : 0;
    const counts = `${adopted} taken over, ${again} submitted again, ${continued} continued at a checkpoint`;
    console.log(`${name}: ${problems.length === 0 ? "the same bits" : problems.join("; ")} (${seconds} s, ${counts})`);
    if (problems.length > 0) console.log(notes.join("\n"));
  }
} finally {
  await cluster.stop();
  if (flag("keep")) console.log(root);
}
console.log(`${chosen.length} cases, ${bad} bad`);
process.exit(bad === 0 ? 0 : 1);
