/** Holds the state of a training on an engine and advances it step by step. */

import { gradientName, type TrainingProgram } from "../../compiler/lower/index.js";
import type { Program } from "../../compiler/tensor/ir.js";
import { elementCount } from "../../compiler/tensor/shape.js";
import type { LoadedBatch } from "../data/contract.js";
import type { Engine, Executable, Handle, HostTensor, HostTensors } from "../engines/engine.js";
import { allocate } from "../engines/tensors.js";
import { allocateFeeds, type Feeds, imageBytes, inputNames, pick, scalar } from "./feeds.js";

export interface StepOutcome {
  /** The mean over the parts of the step. */
  readonly loss: number;
  readonly accuracy: number;
  readonly lr: number;
  readonly finite: boolean;
}

/** A compiled program with the names of its states and weights. */
class Compiled {
  /** The states, which a run consumes and returns with new values. */
  readonly states: readonly string[];
  private readonly weights: readonly string[];

  private constructor(
    readonly program: Program,
    private readonly executable: Executable,
  ) {
    this.states = inputNames(program, "state");
    this.weights = inputNames(program, "weight");
  }

  static async create(program: Program, engine: Engine): Promise<Compiled> {
    return new Compiled(program, await engine.compile(program));
  }

  run(handles: Readonly<Record<string, Handle>>, feeds: Readonly<Record<string, HostTensor>>) {
    return this.executable.run({ ...pick(handles, [...this.states, ...this.weights]), ...feeds });
  }

  dispose(): Promise<void> {
    return this.executable.dispose();
  }
}

/** The compiled programs of one kind of steps. */
class CompiledStep {
  readonly feeds: Feeds;

  private constructor(
    /** The whole step, or the update after the parts of a step. */
    readonly update: Compiled,
    readonly part: Compiled | undefined,
    readonly parts: number,
  ) {
    this.feeds = allocateFeeds((part ?? update).program);
  }

  static async create({ program, parts }: TrainingProgram, engine: Engine): Promise<CompiledStep> {
    const update = await Compiled.create(program, engine);
    if (parts === undefined) return new CompiledStep(update, undefined, 1);
    const part = await Compiled.create(parts.program, engine).catch(async (error: unknown) => {
      await update.dispose();
      throw error;
    });
    return new CompiledStep(update, part, parts.count);
  }

  async dispose(): Promise<void> {
    await this.update.dispose();
    await this.part?.dispose();
  }
}

/** A training on an engine. Its weights and optimizer state stay on the device, and all kinds of its steps share them. */
export class Stepper {
  private constructor(
    private readonly training: TrainingProgram,
    private readonly engine: Engine,
    private readonly kinds: readonly CompiledStep[],
    private readonly handles: Map<string, Handle>,
  ) {}

  /**
   * Compiles the steps, one program for each kind, and uploads `start`: all weights, including frozen ones, because validation and the store need them, or
   * everything that `snapshot` returned.
   */
  static async create(
    trainings: readonly [TrainingProgram, ...TrainingProgram[]],
    start: HostTensors,
    engine: Engine,
  ): Promise<Stepper> {
    const [training] = trainings;
    const handles = new Map<string, Handle>();
    const kinds: CompiledStep[] = [];
    const stepper = new Stepper(training, engine, kinds, handles);
    try {
      for (const each of trainings) kinds.push(await CompiledStep.create(each, engine));
      for (const [name, tensor] of Object.entries({ ...initialExtras(training), ...start })) {
        handles.set(name, engine.upload(tensor));
      }
    } catch (error) {
      await stepper.dispose();
      throw error;
    }
    return stepper;
  }

  /** Runs one step of a kind on a batch and releases the batch as soon as it is copied. `fill` fills the other feeds of a part. */
  async step(
    batch: LoadedBatch,
    fill: (feeds: Feeds, part: number, parts: number) => void,
    kind = 0,
  ): Promise<StepOutcome> {
    const compiled = this.kinds[kind];
    if (compiled === undefined) throw new Error(`there is no step of the kind ${kind}`);
    const { update, part: program, parts, feeds } = compiled;
    const target = imageBytes(feeds, "images");
    let [loss, accuracy] = [0, 0];
    for (let part = 0; part < parts; part++) {
      target.set(batch.images.subarray(part * target.length, (part + 1) * target.length));
      if (part === parts - 1) batch.release();
      fill(feeds, part, parts);
      const host = await this.run(program ?? update, feeds);
      loss += scalar(host, "loss") / parts;
      accuracy += scalar(host, "accuracy") / parts;
      if (program === undefined) return outcome(host, loss, accuracy);
    }
    return outcome(await this.run(update, {}), loss, accuracy);
  }

  private async run(compiled: Compiled, feeds: Feeds): Promise<HostTensors> {
    const given = Object.fromEntries(this.handles);
    for (const name of compiled.states) this.handles.delete(name); // The run consumes them, even if it fails.
    const { device, host } = await compiled.run(given, feeds);
    for (const [name, handle] of Object.entries(device)) {
      const replaced = this.handles.get(name); // A gradient of the step before: it is no state, so no run consumed it.
      if (replaced !== undefined) this.engine.free(replaced);
      this.handles.set(name, handle);
    }
    return host;
  }

  /** The weights to validate and store: their moving averages if the stage keeps them, otherwise the weights themselves. */
  get weights(): Readonly<Record<string, Handle>> {
    const averages = this.training.averaged.flatMap((path) => {
      const handle = this.handles.get(`ema:${path}`);
      return handle === undefined ? [] : [[path, handle] as const];
    });
    return Object.fromEntries([...this.handles, ...averages]);
  }

  /** Downloads the weights that belong to the stage, averaged if the stage averages them. */
  download(): Promise<HostTensors> {
    return this.downloadAll(pick(this.weights, this.training.own));
  }

  /** Downloads the weights that belong to the stage as the steps change them, without averaging. */
  downloadCurrent(): Promise<HostTensors> {
    return this.downloadAll(pick(Object.fromEntries(this.handles), this.training.own));
  }

  /** Downloads the gradient of the last step, by the paths of the trained weights. The stage must report gradients. */
  downloadGradients(): Promise<HostTensors> {
    const handles = Object.fromEntries(this.handles);
    return this.downloadAll(
      Object.fromEntries(
        this.training.trained.map((path) => [path, pick(handles, [gradientName(path)])[gradientName(path)] as Handle]),
      ),
    );
  }

  /** Downloads everything that the next step depends on. A stepper that starts with it goes on exactly like this one. */
  snapshot(): Promise<HostTensors> {
    return this.downloadAll(Object.fromEntries(this.handles));
  }

  private async downloadAll(handles: Readonly<Record<string, Handle>>): Promise<HostTensors> {
    const download = async ([path, handle]: [string, Handle]) => [path, await this.engine.download(handle)] as const;
    return Object.fromEntries(await Promise.all(Object.entries(handles).map(download)));
  }

  async dispose(): Promise<void> {
    for (const handle of this.handles.values()) this.engine.free(handle);
    this.handles.clear();
    for (const kind of this.kinds) await kind.dispose();
  }
}

function outcome(host: HostTensors, loss: number, accuracy: number): StepOutcome {
  const finite = scalar(host, "finite") !== 0 && Number.isFinite(loss);
  return { loss, accuracy, lr: scalar(host, "lr"), finite };
}

/** Returns optimizer state, averages, sums and counters with their initial values. */
function initialExtras(training: TrainingProgram): HostTensors {
  return Object.fromEntries(
    training.extra.map(({ name, shape, dtype, fill }) => {
      const data = allocate(dtype, elementCount(shape));
      data.fill(fill);
      return [name, { shape, dtype, data }];
    }),
  );
}
