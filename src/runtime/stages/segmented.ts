/**
 * Runs segmented programs: their segments one after another, and the rounds of a loop until every lane is done or the
 * bound is reached. Values that a later segment needs stay on the device and are freed after their last use.
 */
import type { LoopSegment, Segment, SegmentedProgram } from "../../compiler/lower/index.js";
import type { Program } from "../../compiler/tensor/ir.js";
import type { Engine, Executable, Handle, HostTensor, HostTensors } from "../engines/engine.js";
import type { ProgressTracker } from "./context.js";
import { inputNames, pick } from "./feeds.js";

type Arguments = Readonly<Record<string, Handle | HostTensor>>;
type Values = Map<string, Handle>;

/** Called now and then during a loop, with the number of finished rounds and their bound. It is not called at the end. */
export type RoundListener = (done: number, bound: number) => void;

/** The number of rounds between two checks for active lanes. A check waits for the device, so it is not made in each round. */
const roundsPerCheck = 4;

/** A compiled segmented program. */
export class SegmentedExecutable {
  private constructor(
    readonly program: SegmentedProgram,
    private readonly executables: readonly Executable[],
    private readonly constants: ReadonlySet<string>,
    private readonly engine: Engine,
  ) {}

  /** Compiles all segments. Weights in `constants` become part of the programs and are no arguments of a run. */
  static async compile(
    program: SegmentedProgram,
    constants: HostTensors | undefined,
    engine: Engine,
  ): Promise<SegmentedExecutable> {
    const weights = new Set(inputNames(program, "weight"));
    const executables: Executable[] = [];
    try {
      for (const segment of program.segments) {
        const own = inputNames(segment.program, "weight").filter((name) => weights.has(name));
        executables.push(await engine.compile(segment.program, constants && pick(constants, own)));
      }
    } catch (error) {
      for (const executable of executables) await executable.dispose();
      throw error;
    }
    return new SegmentedExecutable(program, executables, constants !== undefined ? weights : new Set(), engine);
  }

  /** Runs the program with feeds and the weights that are not constants, and returns its host outputs. Each round is progress. */
  async run(args: Arguments, progress: ProgressTracker, onRound?: RoundListener): Promise<HostTensors> {
    const values: Values = new Map();
    let host: HostTensors = {};
    const { segments } = this.program;
    try {
      for (const [place, segment] of segments.entries()) {
        const executable = this.executables[place];
        if (executable === undefined) throw new Error(`${segment.program.name} is not compiled`);
        if (segment.kind === "run") {
          const result = await executable.run(this.argumentsOf(segment.program, args, values));
          for (const [name, handle] of Object.entries(result.device)) values.set(name, handle);
          host = result.host;
        } else await this.loop(segment, executable, args, values, progress, onRound);
        this.freeUnused(values, segments.slice(place + 1));
      }
      return host;
    } finally {
      for (const handle of new Set(values.values())) this.engine.free(handle);
    }
  }

  async dispose(): Promise<void> {
    for (const executable of this.executables) await executable.dispose();
  }

  private async loop(
    segment: LoopSegment,
    executable: Executable,
    args: Arguments,
    values: Values,
    progress: ProgressTracker,
    onRound: RoundListener | undefined,
  ): Promise<void> {
    const { program, bound, moves, active } = segment;
    const states = inputNames(program, "state");
    for (let round = 1; round <= bound; round++) {
      const given = this.argumentsOf(program, args, values);
      for (const name of states) values.delete(name); // The run consumes them, even if it fails.
      const before = new Map(values);
      const { device } = await executable.run(given);
      for (const [name, handle] of Object.entries(device)) values.set(name, handle);
      for (const { to, from } of moves) {
        const handle = before.get(from);
        if (handle === undefined) throw new Error(`${program.name} moves ${from}, which it does not have`);
        values.set(to, handle);
      }
      const kept = new Set(values.values());
      for (const handle of before.values()) if (!kept.has(handle)) this.engine.free(handle);
      progress.step();
      if (round % roundsPerCheck !== 0 && round !== bound) continue;
      if (round < bound) onRound?.(round, bound);
      if (active === undefined) continue;
      if ((await this.engine.download(handleOf(values, active))).data[0] === 0) break;
    }
    for (const { carried, result } of segment.results) {
      values.set(result, handleOf(values, carried));
      values.delete(carried);
    }
  }

  private argumentsOf(program: Program, args: Arguments, values: Values): Arguments {
    return Object.fromEntries(
      program.inputs
        .filter(({ name }) => !this.constants.has(name))
        .map(({ name }) => {
          const value = values.get(name) ?? args[name];
          if (value === undefined) throw new Error(`${program.name} is not given ${name}`);
          return [name, value];
        }),
    );
  }

  private freeUnused(values: Values, later: readonly Segment[]): void {
    const used = new Set(later.flatMap(readNames));
    const before = new Set(values.values());
    for (const name of [...values.keys()]) if (!used.has(name)) values.delete(name);
    const kept = new Set(values.values());
    for (const handle of before) if (!kept.has(handle)) this.engine.free(handle);
  }
}

/** Returns the names of the values that a segment reads. A loop also moves and returns values that its program does not take. */
function readNames(segment: Segment): string[] {
  const inputs = segment.program.inputs.map(({ name }) => name);
  if (segment.kind === "run") return inputs;
  return [...inputs, ...segment.moves.map(({ from }) => from), ...segment.results.map(({ carried }) => carried)];
}

function handleOf(values: Values, name: string): Handle {
  const handle = values.get(name);
  if (handle === undefined) throw new Error(`nothing is called ${name}`);
  return handle;
}
