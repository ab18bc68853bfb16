/** Runs one program as a session. It checks the arguments and turns the results into handles. */
import type * as ort from "onnxruntime-common";
import type { Program, ProgramInput } from "../../../compiler/tensor/ir.js";
import { liveHandle, readArguments, type StatePair, statePairs } from "../arguments.js";
import {
  EngineError,
  type Executable,
  type Handle,
  type HostTensor,
  type HostTensors,
  type RunResult,
} from "../engine.js";
import { Buffer, type Buffers, type ResultBuffers } from "./buffers.js";
import { engineError } from "./errors.js";
import type { Measurement } from "./measurement.js";

export class OnnxExecutable<B extends Buffer> implements Executable {
  private readonly arguments: readonly ProgramInput[];
  private readonly states: readonly StatePair[];
  private readonly results: ResultBuffers<B>;
  private disposed = false;

  constructor(
    private readonly owner: object,
    private readonly buffers: Buffers<B>,
    private readonly session: ort.InferenceSession,
    private readonly program: Program,
    constants: HostTensors,
    private readonly measurement: Measurement | undefined,
  ) {
    this.arguments = program.inputs.filter((input) => !(input.name in constants));
    this.states = statePairs(program, this.arguments);
    this.results = buffers.results(program, this.states);
  }

  async run(args: Readonly<Record<string, Handle | HostTensor>>): Promise<RunResult> {
    const { name } = this.program;
    if (this.disposed) throw new EngineError("internal", `run of ${name}: disposed`);
    const live = (handle: Handle, where: string): B => liveHandle(handle, this.buffers.kind, this.owner, where);
    const given = readArguments(name, this.arguments, args, live);

    const feeds: Record<string, ort.Tensor> = {};
    for (const [input, arg] of given.inputs)
      feeds[input.name] = arg instanceof Buffer ? await this.buffers.argument(arg) : this.buffers.feed(arg);
    const claim = this.results.prepareRun();
    let results: Readonly<Record<string, ort.Tensor>>;
    try {
      results = (await this.session.run(feeds, claim.fetches)) as Readonly<Record<string, ort.Tensor>>;
    } catch (cause) {
      throw engineError(cause, `running ${name}`);
    }

    const device: Record<string, Handle> = {};
    for (const pair of this.states) {
      const before = given.states.get(pair.input.name);
      device[pair.input.name] = claim.keep(pair.output, results);
      if (before === undefined) continue;
      before.alive = false;
      this.results.reclaim(pair, before);
    }
    const host: Record<string, HostTensor> = {};
    for (const output of this.program.outputs) {
      if (output.role === "device") device[output.name] = claim.keep(output, results);
      if (output.role === "host") host[output.name] = claim.host(output, results);
    }
    return { device, host };
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.measurement?.end(this.session);
    await this.session.release();
  }
}
