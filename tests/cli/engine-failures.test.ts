/**
 * What a user sees when an engine fails, by the command line as it is installed: a code, what happened and the fix; exit code 1;
 * and what had finished is served from the store the next time. Where a limit on a process's memory stands for a card's that is
 * full, it is set by a POSIX shell.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { onnxRuntimeFolder, onnxRuntimeInstallFolder } from "../../src/runtime/engines/onnx/locate.js";
import { findTensorflow, tensorflowFolder } from "../../src/runtime/engines/tensorflow/locate.js";
import type { RunEvent } from "../../src/runtime/events/events.js";
import type { Project } from "../../src/runtime/system/project.js";
import { adapter } from "../engines/webgpu.js";
import { makeProject } from "../runtime/tiny.js";

// Real runs in processes of their own: seconds alone, and many times that beside others.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const experimentText = `fsl 1
import { folder } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
param width = 8
param length = 4 episodes
dataset stripes = folder(root: "images") {
  train resize(64), center_crop(64), normalize(mean: [0.5], std: [0.25])
  eval resize(64), center_crop(64), normalize(mean: [0.5], std: [0.25])
}
backbone small { conv(3, 4), batch_norm, relu, max_pool(4), flatten as vector }
backbone wide { conv(3, width), relu, conv(1, 4), flatten as vector }
episode task = 2 way, 1 shot, 2 query
meta first {
  encoder small
  metric prototypes
  episodes task from stripes.train
  optimizer sgd(lr: 1e-4)
  for 4 episodes, 1 episode per step
}
meta second {
  encoder wide
  metric prototypes
  episodes task from stripes.train
  optimizer sgd(lr: 1e-4)
  for length, 1 episode per step
}
`;
const main = resolve("dist/cli/main.js");
let project: Project;
let file = "";
let elsewhere = "";

beforeAll(async () => {
  project = await makeProject();
  file = join(project.dir, "experiment.fsl");
  writeFileSync(file, experimentText);
  elsewhere = mkdtempSync(join(tmpdir(), "fslc-elsewhere-"));
});
afterAll(() => {
  for (const dir of [project.dir, elsewhere]) rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => {
  for (const name of ["store", "runs"]) rmSync(join(project.home, name), { recursive: true, force: true });
});

interface Ran {
  readonly code: number | null;
  readonly events: readonly RunEvent[];
  readonly err: string;
}
interface How {
  readonly env?: NodeJS.ProcessEnv;
  /** KiB of data that each process of the run may have. */
  readonly memory?: number;
  readonly experiment?: string;
  readonly onEvent?: (event: RunEvent, child: ChildProcess) => void;
}

/** `fslc run` with these options; the events of its standard output. */
function run(
  options: readonly string[],
  { env = {}, memory, experiment = file, onEvent = () => {} }: How = {},
): Promise<Ran> {
  const argv = [process.execPath, main, "run", experiment, "--reporter", "json", ...options];
  // `exec`: the process that is limited is the one that the test knows.
  const limited = memory === undefined ? argv : ["sh", "-c", `ulimit -d ${memory}; exec "$@"`, "sh", ...argv];
  const [command = "", ...rest] = limited;
  return new Promise((done) => {
    const child = spawn(command, rest, { env: { ...process.env, CI: "1", NO_COLOR: "1", ...env } });
    const events: RunEvent[] = [];
    let open = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (open + text).split("\n");
      open = lines.pop() ?? "";
      for (const line of lines) {
        const event = JSON.parse(line) as RunEvent;
        events.push(event);
        onEvent(event, child);
      }
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    child.on("close", (code) => done({ code, events, err }));
  });
}
const failuresOf = ({ events }: Ran) => events.flatMap((event) => (event.type === "stage.failed" ? [event] : []));
const servedOf = ({ events }: Ran) => events.flatMap((event) => (event.type === "stage.cached" ? [event.stage] : []));

/** The one failure of the run, which ended with exit code 1 and shows nothing of the inside. */
function failureOf(ran: Ran) {
  expect(ran.code).toBe(1);
  expect(ran.events.at(-1)).toMatchObject({ type: "run.done", status: "failed" });
  const [failure, ...others] = failuresOf(ran);
  if (failure === undefined) throw new Error("nothing failed");
  expect(others).toEqual([]);
  expect(failure.fix).toBeTruthy();
  expect(`${failure.message}${ran.err}`).not.toMatch(/^\s+at .*:\d+:\d+/m);
  return failure;
}

const tensorflow = findTensorflow();
const noTensorflow =
  tensorflow === undefined ? "TensorFlow is not installed: fslc engines install tensorflow" : undefined;
const noLimits = process.platform === "linux" ? undefined : "no limits on a process's memory but Linux's";
const title = (name: string, why: string | undefined): string =>
  why === undefined ? name : `${name} (skipped: ${why})`;

/** Memory in which the small stage trains and the wide one does not. */
const engines = [
  { engine: "onnx", memory: 350_000, env: {}, missing: undefined },
  // With oneDNN a kernel whose memory cannot be had crashes: what is caught is TensorFlow's own.
  { engine: "tensorflow", memory: 1_000_000, env: { TF_ENABLE_ONEDNN_OPTS: "0" }, missing: noTensorflow },
] as const;

for (const { engine, memory, env, missing } of engines) {
  const why = missing ?? noLimits;

  test.skipIf(why)(title(`${engine}: a worker that is killed in its training`, why), async () => {
    let killed = false;
    const ran = await run(["--engine", engine, "--set", "length=100000"], {
      onEvent(event, child) {
        if (killed || event.type !== "stage.step" || event.stage !== "second") return;
        killed = true;
        for (const pid of workersOf(child)) process.kill(pid, "SIGKILL");
      },
    });
    const failure = failureOf(ran);
    expect(failure).toMatchObject({ stage: "second", code: "FSL7020", message: expect.stringContaining("SIGKILL") });
    expect(failure.fix).toContain("Run the same command again");
    const again = await run(["--engine", engine]);
    expect(again.code).toBe(0);
    expect(servedOf(again)).toContain("first");
  });

  test.skipIf(why)(title(`${engine}: more memory than there is`, why), async () => {
    const ran = await run(["--engine", engine, "--set", "width=12000"], { memory, env });
    const failure = failureOf(ran);
    expect(failure).toMatchObject({ stage: "second", code: "FSL7004", message: expect.stringContaining("allocat") });
    expect(failure.fix).toContain("per step");
    const again = await run(["--engine", engine], { memory, env });
    expect(again.code).toBe(0);
    expect(servedOf(again)).toContain("first");
  });
}

const noSoftware = adapter?.kind === "software" ? undefined : "the limits are those of SwiftShader, which is not here";

test.skipIf(noSoftware)(
  title("onnx on a GPU: a tensor that is larger than its buffers may be", noSoftware),
  async () => {
    const alone = join(project.dir, "second.fsl");
    writeFileSync(alone, experimentText.replace(/backbone small.*\n|meta first \{[\s\S]*?\n\}\n/g, ""));
    const failure = failureOf(await run(["--device", "gpu", "--set", "width=45000"], { experiment: alone }));
    expect(failure).toMatchObject({ stage: "second", code: "FSL7004" });
  },
);

/** The processes that a process has started. */
function workersOf({ pid }: ChildProcess): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return children === "" ? [] : children.split(" ").map(Number);
}

test("onnx: a shared library that is missing", async () => {
  const enginesFolder = join(elsewhere, "onnx");
  const installed = dirname(onnxRuntimeFolder() ?? "");
  for (const name of ["onnxruntime-node", "onnxruntime-common"]) {
    cpSync(
      join(installed, name),
      join(onnxRuntimeInstallFolder({ FSLC_ENGINES: enginesFolder }), "node_modules", name),
      {
        recursive: true,
        dereference: true,
        filter: (path) => !/(?:lib)?onnxruntime\.(?:so|\d|dll)/.test(basename(path)),
      },
    );
  }
  const ran = await run([], { env: { FSLC_ENGINES: enginesFolder } });
  expect(ran.code).toBe(1);
  for (const failure of failuresOf(ran)) {
    expect(failure).toMatchObject({ code: "FSL7001", message: expect.stringContaining("onnxruntime") });
    expect(failure.fix).toContain("fslc engines --fetch");
  }
  expect((await run([])).code).toBe(0);
});

const notOurs = tensorflow?.from === "package" ? "TensorFlow is here as a package of npm's" : noTensorflow;

test.skipIf(notOurs)(title("tensorflow: a shared library that is missing", notOurs), async () => {
  const FSLC_ENGINES = join(elsewhere, "engines");
  cpSync(tensorflowFolder(), join(FSLC_ENGINES, "tensorflow"), {
    recursive: true,
    filter: (path) => !path.endsWith("/lib"),
  });
  expect(existsSync(join(FSLC_ENGINES, "tensorflow", "installed.json"))).toBe(true);
  const ran = await run(["--engine", "tensorflow"], { env: { FSLC_ENGINES } });
  expect(ran.code).toBe(1);
  for (const failure of failuresOf(ran)) {
    expect(failure).toMatchObject({ code: "FSL7001", message: expect.stringContaining("libtensorflow") });
    expect(failure.fix).toContain("fslc engines install tensorflow");
  }
  expect((await run(["--engine", "tensorflow"])).code).toBe(0);
});

test("tensorflow that is not installed is refused before a run begins, and nothing runs in its place", async () => {
  const { code, events, err } = await run(["--engine", "tensorflow"], {
    env: { FSLC_ENGINES: join(elsewhere, "nowhere") },
  });
  expect(code).toBe(3);
  expect(events).toEqual([]);
  expect(err).toContain("FSL7001");
  expect(err).toContain("fslc engines install tensorflow");
  expect(existsSync(join(project.home, "runs"))).toBe(false);
});
