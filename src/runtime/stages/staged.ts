/**
 * Runs staged programs: one after another, rounds of a loop until every lane is done or the bound is reached. Values that
 * a later program needs stay on the device, and are freed after their last use.
 */
import type { LoopSegment, Segment, SegmentedProgram } from "../../compiler/lower/index.js";
import type { Program } from "../../compiler/tensor/ir.js";
import type { Engine, Executable, Handle, HostTensor, HostTensors } from "../engines/engine.js";
import type { ProgressTracker } from "./context.js";
import { inputNames, pick } from "./feeds.js";

type Arguments = Readonly<Record<string, Handle | HostTensor>>;
type Values = Map<string, Handle>;

/** Hears, now and then, how many rounds of a loop are done, of so many at most; not of its end. */
export type RoundListener = (done: number, most: number) => void;

/** Rounds of a loop between two looks at how many lanes go on: a look waits for the device. */
const roundsPerLook = 4;

export class StagedExecutable {
  private constructor(
    readonly program: SegmentedProgram,
    private readonly executables: readonly Executable[],
    private readonly constants: ReadonlySet<string>,
    private readonly engine: Engine,
  ) {}

  /** Weights in `constants` are baked in and take no argument. */
  static async compile(
    program: SegmentedProgram,
    constants: HostTensors | undefined,
    engine: Engine,
  ): Promise<StagedExecutable> {
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
    return new StagedExecutable(program, executables, constants !== undefined ? weights : new Set(), engine);
  }

  /** Host outputs for weights (those that are not baked in) and feeds. Counts each round as progress. */
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
      for (const name of states) values.delete(name); // The run consumes them, also where it fails.
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
      if (round % roundsPerLook !== 0 && round !== bound) continue;
      if (round < bound) onRound?.(round, bound);
      if (active === undefined) continue;
      if ((await this.engine.download(held(values, active))).data[0] === 0) break;
    }
    for (const { carried, result } of segment.results) {
      values.set(result, held(values, carried));
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
    const used = new Set(later.flatMap(read));
    const before = new Set(values.values());
    for (const name of [...values.keys()]) if (!used.has(name)) values.delete(name);
    const kept = new Set(values.values());
    for (const handle of before) if (!kept.has(handle)) this.engine.free(handle);
  }
}

/** What a segment reads by name: a loop also moves and gives out values that its round's program never takes. */
function read(segment: Segment): string[] {
  const inputs = segment.program.inputs.map(({ name }) => name);
  if (segment.kind === "run") return inputs;
  return [...inputs, ...segment.moves.map(({ from }) => from), ...segment.results.map(({ carried }) => carried)];
}

function held(values: Values, name: string): Handle {
  const handle = values.get(name);
  if (handle === undefined) throw new Error(`nothing is called ${name}`);
  return handle;
}
