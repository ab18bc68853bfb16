/** One program as a session: what goes in is checked, what comes out becomes handles. */
import type * as ort from "onnxruntime-common";
import type { Program, ProgramInput } from "../../../compiler/tensor/ir.js";
import { argumentOf, liveHandle } from "../arguments.js";
import {
  EngineError,
  type Executable,
  type Handle,
  type HostTensor,
  type HostTensors,
  type RunResult,
} from "../engine.js";
import { Buffer, type Buffers, type Results, type StatePair } from "./buffers.js";
import { engineError } from "./errors.js";

export class OnnxExecutable<B extends Buffer> implements Executable {
  private readonly arguments: readonly ProgramInput[];
  private readonly states: readonly StatePair[];
  private readonly results: Results<B>;
  private disposed = false;

  constructor(
    private readonly owner: object,
    private readonly buffers: Buffers<B>,
    private readonly session: ort.InferenceSession,
    private readonly program: Program,
    constants: HostTensors,
  ) {
    this.arguments = program.inputs.filter((input) => !(input.name in constants));
    this.states = this.arguments.filter((input) => input.role === "state").map((input) => statePair(program, input));
    this.results = buffers.results(program, this.states);
  }

  async run(args: Readonly<Record<string, Handle | HostTensor>>): Promise<RunResult> {
    const { name } = this.program;
    if (this.disposed) throw new EngineError("internal", `run of ${name}: disposed`);
    const given = this.arguments.map((input) => [input, this.given(input, args)] as const);
    const unknown = Object.keys(args).find((arg) => !this.arguments.some((input) => input.name === arg));
    if (unknown !== undefined) throw new EngineError("internal", `run of ${name}: no input "${unknown}"`);
    const consumed = consumedStates(name, given);

    const feeds: Record<string, ort.Tensor> = {};
    for (const [input, arg] of given)
      feeds[input.name] = arg instanceof Buffer ? await this.buffers.argument(arg as B) : this.buffers.feed(arg);
    const claim = this.results.claim();
    let results: Readonly<Record<string, ort.Tensor>>;
    try {
      results = (await this.session.run(feeds, claim.fetches)) as Readonly<Record<string, ort.Tensor>>;
    } catch (cause) {
      throw engineError(cause, `running ${name}`);
    }

    const device: Record<string, Handle> = {};
    for (const pair of this.states) {
      const before = consumed.get(pair.input.name) as B | undefined;
      device[pair.input.name] = claim.kept(pair.output, results);
      if (before === undefined) continue;
      before.alive = false;
      this.results.retire(pair, before);
    }
    const host: Record<string, HostTensor> = {};
    for (const output of this.program.outputs) {
      if (output.role === "device") device[output.name] = claim.kept(output, results);
      if (output.role === "host") host[output.name] = claim.host(output, results);
    }
    return { device, host };
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.session.release();
  }

  private given(input: ProgramInput, args: Readonly<Record<string, Handle | HostTensor>>): B | HostTensor {
    const where = `run of ${this.program.name}, input "${input.name}"`;
    const arg = argumentOf(input, args, where);
    if (!("data" in arg) || arg instanceof Buffer) return liveHandle(arg, this.buffers.kind, this.owner, where);
    if (input.role === "state") throw new EngineError("internal", `${where}: a state is given by its handle`);
    return arg;
  }
}

/** The buffers that the run consumes, by input. @throws EngineError where two states share one. */
function consumedStates(
  program: string,
  given: readonly (readonly [ProgramInput, Buffer | HostTensor])[],
): ReadonlyMap<string, Buffer> {
  const consumed = new Map<string, Buffer>();
  for (const [{ name, role }, arg] of given) {
    if (role !== "state" || !(arg instanceof Buffer)) continue;
    for (const [other, taken] of consumed)
      if (taken === arg)
        throw new EngineError("internal", `run of ${program}, input "${name}": shares its handle with "${other}"`);
    consumed.set(name, arg);
  }
  return consumed;
}

function statePair(program: Program, input: ProgramInput): StatePair {
  const output = program.outputs.find((candidate) => candidate.name === input.next && candidate.role === "state");
  if (output === undefined)
    throw new EngineError("internal", `${program.name}: state "${input.name}" has no successor "${input.next}"`);
  return { input, output };
}
