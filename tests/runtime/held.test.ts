/** What a stage takes from its engine it gives back, also where it fails. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { EvaluateStage, MetaStage, PretrainStage, Stage } from "../../src/compiler/typed/tree.js";
import { ingest } from "../../src/runtime/data/index.js";
import type { Engine, Handle } from "../../src/runtime/engines/engine.js";
import { createEngine } from "../../src/runtime/engines/index.js";
import { ProgressTracker, type StageContext } from "../../src/runtime/stages/context.js";
import { runEvaluate } from "../../src/runtime/stages/evaluate.js";
import { runMeta } from "../../src/runtime/stages/meta.js";
import { runPretrain } from "../../src/runtime/stages/pretrain.js";
import { Checkpoints } from "../../src/runtime/store/checkpoints.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { slot } from "../lower/fixtures.js";
import { numerics } from "./stored.js";
import { base, experiment, images, makeProject, proto, result } from "./tiny.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
let packs: ReadonlyMap<string, Awaited<ReturnType<typeof ingest>>>;
beforeAll(async () => {
  project = await makeProject();
  const pack = await ingest(images, {
    cacheDir: projectPaths.data(project),
    projectDir: project.dir,
    threads: 1,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  packs = new Map([["d", pack]]);
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

function contextOf(stage: Stage, engine: Engine): StageContext {
  return {
    job: {
      node: stage.id,
      target: stage.id,
      experiment: experiment([stage]),
      project,
      runDir: project.dir,
      scratch: `${project.dir}/scratch`,
      seed: 0,
      threads: { engine: 1, loaders: 1 },
      engine: { name: "onnx", device: "cpu" },
      key: "",
      content: null,
      reuseExact: false,
      attempt: 1,
      fresh: false,
      profile: false,
      packs: {},
      inputs: {},
    },
    engine,
    checkpoints: new Checkpoints(projectPaths.checkpoints(project), { key: "k", numerics, version: "v" }),
    packs,
    emit: () => {},
    progress: new ProgressTracker(
      () => {},
      () => false,
    ),
  };
}

/** An engine that counts what is held of it, and fails with its `failing`th compilation or run. */
async function counting(failing: { readonly compile?: number; readonly run?: number } = {}) {
  const engine = await createEngine("onnx", { device: "cpu", threads: 1 });
  const held = { executables: 0, handles: new Set<Handle>() };
  const seen = { compile: 0, run: 0 };
  const { upload, free, compile } = engine;
  engine.upload = (tensor) => {
    const handle = upload.call(engine, tensor);
    held.handles.add(handle);
    return handle;
  };
  engine.free = (handle) => {
    free.call(engine, handle);
    held.handles.delete(handle);
  };
  engine.compile = async (program, constants) => {
    if (++seen.compile === failing.compile) throw new Error("no room for a program");
    const executable = await compile.call(engine, program, constants);
    held.executables++;
    const { run, dispose } = executable;
    const states = program.inputs.filter(({ role }) => role === "state").map(({ name }) => name);
    executable.run = async (args) => {
      const outcome = await run.call(executable, args);
      for (const name of states) held.handles.delete(args[name] as Handle);
      if (++seen.run === failing.run) {
        for (const handle of Object.values(outcome.device)) engine.free(handle);
        throw new Error("the device is gone");
      }
      for (const handle of Object.values(outcome.device)) held.handles.add(handle);
      return outcome;
    };
    executable.dispose = async () => {
      held.executables--;
      await dispose.call(executable);
    };
    return executable;
  };
  return { engine, held, seen };
}

const inParts: PretrainStage = { ...base, ema: 0.9, duration: { epochs: 1, stepsPerEpoch: 2, perStep: 12, parts: 2 } };
const alone: MetaStage = {
  ...proto,
  needs: [],
  encoder: slot(proto.encoder.value),
  duration: { epochs: 1, stepsPerEpoch: 2, perStep: 2 },
};
const untrained: EvaluateStage = {
  ...result,
  needs: [],
  encoder: slot(result.encoder.value),
  metric: slot(result.metric.value),
};

describe.each([
  ["a pretraining in parts", inParts, (engine: Engine) => runPretrain(inParts, contextOf(inParts, engine))],
  ["a validated meta-training", alone, (engine: Engine) => runMeta(alone, contextOf(alone, engine))],
  ["an evaluation", untrained, (engine: Engine) => runEvaluate(untrained, contextOf(untrained, engine))],
] as const)("%s", (_, __, drive) => {
  test("holds nothing at its end, nor where a compilation or a run fails", async () => {
    const whole = await counting();
    await drive(whole.engine);
    expect(whole.held).toEqual({ executables: 0, handles: new Set() });
    expect(whole.seen.compile).toBeGreaterThan(1);
    for (let compile = 1; compile <= whole.seen.compile; compile++) {
      const { engine, held } = await counting({ compile });
      await expect(drive(engine)).rejects.toThrow("no room for a program");
      expect(held, `compilation ${compile}`).toEqual({ executables: 0, handles: new Set() });
    }
    for (const run of [1, 2, whole.seen.run]) {
      const { engine, held } = await counting({ run });
      await expect(drive(engine)).rejects.toThrow("the device is gone");
      expect(held, `run ${run}`).toEqual({ executables: 0, handles: new Set() });
    }
  });
});
