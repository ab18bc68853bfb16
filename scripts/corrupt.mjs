// Damages a finished experiment with single random faults, runs it again after each, and compares the results with the clean ones:
//   node scripts/corrupt.mjs [--faults 200] [--seed 1] [--kind KIND] [--keep]
// A fault is a flipped bit, a file that is cut off, a block of zeros, a file that is gone, a foreign file, two files that are
// exchanged, a folder in place of a file, or a file that may not be read (unless root runs this), in the store, the packs or the
// folders of runs. It is survived if the next run gives the same results and files, or names the fault with a code and the run
// after it gives them. It fails if other numbers are served, also by `runs show` and `runs list`, if fslc ends with a bug, or if
// the experiment stays broken.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { cli, option, randomFrom, temporaryFolder, writeProject } from "./campaign.mjs";

const faults = Number(option("faults", 200));

const random = randomFrom(Number(option("seed", 1)));
const pick = (list) => list[random(list.length)];

// ---------------------------------------------------------------- the experiment

const experiment = `fsl 1
import { prototypes } from "fsl:metrics"
dataset d {
  source folder("data")
  train resize(12), center_crop(12), normalize(mean: [0.5], std: [0.25])
  eval resize(12), center_crop(12), normalize(mean: [0.5], std: [0.25])
}
backbone small {
  conv(3, channels: 4, stride: 2),
  relu,
  flatten as vector
}
episode task = 2 way, 1 shot, 2 query
pretrain base {
  data d.train
  encoder small
  head linear(class)
  optimizer sgd(lr: 0.01)
  for 1 epoch, 8 images per step
}
evaluate test {
  encoder base.encoder
  metric prototypes
  episodes task from d.test, 20 episodes
  report accuracy, per_class, logits
}
`;

const project = temporaryFolder("corrupt");
const home = join(project, ".fslc");
const clean = join(project, "clean");

// ---------------------------------------------------------------- runs

function fslc(...words) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...words], {
    cwd: project,
    encoding: "utf8",
    timeout: 120_000,
    env: { ...process.env, FORCE_COLOR: "0" },
  });
  return { status, stdout, stderr };
}

/** Returns the paths of all files below a folder; none if the folder is not there, because a run that fails leaves no results. */
function filesIn(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Runs the experiment. Returns its results and the files of its results as one text, and everything that it said. */
function play() {
  const runs = () => (existsSync(join(home, "runs")) ? readdirSync(join(home, "runs")) : []);
  const before = new Set(runs());
  const { status, stdout, stderr } = fslc("run", "e.fsl", "--reporter", "json", "--threads", "2");
  const events = stdout.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  const results = events.find(({ type }) => type === "run.done")?.results;
  const run = runs().find((name) => !before.has(name));
  const folder = run === undefined ? undefined : join(home, "runs", run, "results");
  const files = folder === undefined ? [] : filesIn(folder).map((path) => [relative(folder, path), contentOf(path)]);
  const notes = events.flatMap(({ type, message, code }) =>
    type === "stage.note" || type === "stage.failed" ? [`${code ?? ""} ${message}`.trim()] : [],
  );
  return { status, output: JSON.stringify([results, files]), said: [...notes, stderr.trim()].filter((t) => t !== "") };
}
/** Returns the bytes of a file as text. Of a manifest it returns the digest of the output, because the rest has times. */
function contentOf(path) {
  const bytes = readFileSync(path);
  return path.endsWith("manifest.json") ? JSON.parse(bytes.toString()).output : bytes.toString("base64");
}

// ---------------------------------------------------------------- faults

const kinds = {
  exchange(path) {
    const other = pick(filesIn(home).filter((one) => one !== path && statSync(one).size > 0));
    renameSync(path, `${path}.new`);
    renameSync(other, path);
    renameSync(`${path}.new`, other);
    return `exchanged with ${relative(home, other)}`;
  },
  folder(path) {
    rmSync(path);
    mkdirSync(path);
    return "a folder in its place";
  },
  ...(process.getuid?.() === 0
    ? {}
    : {
        permissions(path) {
          const target = random(3) === 0 ? dirname(path) : path;
          chmodSync(target, pick([0o000, 0o444]));
          return `${target === path ? "it" : "its folder"} may not be read or not be changed`;
        },
      }),
  bit(path) {
    const bytes = readFileSync(path);
    if (bytes.length === 0) return "an empty file stays empty";
    const at = random(bytes.length);
    bytes[at] ^= 1 << random(8);
    writeFileSync(path, bytes);
    return `bit of byte ${at} flipped`;
  },
  truncation(path) {
    const { size } = statSync(path);
    const length = random(4) === 0 ? 0 : random(Math.max(1, size));
    writeFileSync(path, readFileSync(path).subarray(0, length));
    return `cut from ${size} to ${length} bytes`;
  },
  zeros(path) {
    const bytes = readFileSync(path);
    const at = random(Math.max(1, bytes.length));
    bytes.fill(0, at, Math.min(bytes.length, at + 4096));
    writeFileSync(path, bytes);
    return `zeros from byte ${at} on`;
  },
  deletion(path) {
    rmSync(path);
    return "deleted";
  },
  foreign(path) {
    const others = filesIn(clean).filter((other) => relative(clean, other) !== relative(home, path));
    if (random(2) === 0) {
      writeFileSync(path, readFileSync(pick(others)));
      return "replaced by another file";
    }
    const name = pick([".DS_Store", "Thumbs.db", "notes.txt", "desktop.ini"]);
    // A foreign file may lie in any folder above.
    let folder = dirname(path);
    while (random(2) === 0 && dirname(folder) !== home && folder !== home) folder = dirname(folder);
    writeFileSync(join(folder, name), "foreign");
    return `a foreign ${name} in ${relative(home, folder)}`;
  },
};

/** Damages one file. Faults of packs and weights are of no use if everything is served from the store, so entries are forgotten. */
function damage() {
  const area = pick(["store", "store", "data", "data", "runs"]);
  const path = pick(filesIn(join(home, area)));
  const kind = option("kind", pick(Object.keys(kinds)));
  const what = `${relative(home, path)}: ${kinds[kind](path)}`;
  const forgotten = area === "data" ? random(4) > 0 : area === "store" ? random(2) > 0 : false;
  if (!forgotten) return what;
  const entry = relative(join(home, "store"), path).split("/")[0];
  const stored = readdirSync(join(home, "store")).filter((name) => name !== entry && /^[0-9a-f]{64}$/.test(name));
  for (const name of area === "data" ? stored : stored.filter(isEvaluation)) {
    rmSync(join(home, "store", name), { recursive: true, force: true });
  }
  return `${what} (with ${area === "data" ? "an empty store" : "no stored evaluation"})`;
}
function isEvaluation(entry) {
  return filesIn(join(clean, "store", entry)).every((path) => !path.endsWith(".safetensors"));
}

function judge(what, expected) {
  const said = looks(what);
  if (said !== undefined) return said;
  const first = play();
  const told = first.said.join(" | ");
  if (isBug(told)) return ["bug", told];
  if (first.status === 0 && first.output !== expected) return ["WRONG", told];
  if (first.status === 0) return [told === "" ? "unharmed" : "healed", told];
  if (!/FSL\d{4}/.test(told)) return ["bug", `status ${first.status}: ${told}`];
  restorePermissions();
  const second = play();
  return second.status === 0 && second.output === expected ? ["named", told] : ["STUCK", told];
}
const isBug = (told) => /FSL7099|\n {4}at /.test(told);

/** Looks at the damaged run with the commands that read old runs. Returns a verdict if they serve other numbers or end with a bug. */
function looks(what) {
  if (!what.startsWith("runs")) return undefined;
  const list = fslc("runs", "list");
  const show = fslc("runs", "show");
  const told = `${list.stderr}${show.stderr}`.trim();
  if (list.status === null || show.status === null || isBug(told)) return ["bug", told];
  if (list.status !== 0) return ["broken", `runs list: ${told}`];
  for (const [command, { status, stdout }] of Object.entries({ list, show })) {
    const missing = numbersOf(stdout).find((number) => !shown[command].has(number));
    const named = /damaged|not as|cannot be read|missing/.test(stdout + told);
    if (status === 0 && missing !== undefined && !named) return ["WRONG", `runs ${command} shows ${missing}: ${told}`];
  }
  return undefined;
}
const numbersOf = (text) => text.match(/\d+\.\d+/g) ?? [];

function restorePermissions() {
  if (process.getuid?.() === 0) return;
  const restore = (path) => {
    chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);
    if (statSync(path).isDirectory()) for (const name of readdirSync(path)) restore(join(path, name));
  };
  restore(home);
}

await writeProject(project, experiment, { splits: { train: 4, test: 3 }, perClass: 6, random });
mkdirSync(join(home, "runs"), { recursive: true });
const reference = play();
if (reference.status !== 0) {
  console.error(reference.said.join("\n"));
  process.exit(2);
}
cpSync(home, clean, { recursive: true, preserveTimestamps: true });
/** The numbers that the commands show of the undamaged run. */
const shown = {
  list: new Set(numbersOf(fslc("runs", "list").stdout)),
  show: new Set(numbersOf(fslc("runs", "show").stdout)),
};
const counts = {};
for (let i = 1; i <= faults; i++) {
  restorePermissions();
  rmSync(home, { recursive: true, force: true });
  cpSync(clean, home, { recursive: true, preserveTimestamps: true });
  const what = damage();
  const [verdict, told] = judge(what, reference.output);
  counts[verdict] = (counts[verdict] ?? 0) + 1;
  console.log(
    `${String(i).padStart(3)}  ${verdict.padEnd(8)}  ${what}${told === "" ? "" : `\n       ${told.slice(0, 300)}`}`,
  );
}
console.log(
  Object.entries(counts)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(", "),
);
process.exitCode = ["bug", "broken", "WRONG", "STUCK"].some((verdict) => counts[verdict] !== undefined) ? 1 : 0;
