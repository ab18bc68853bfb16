/** Checks the arguments of a run. All engines share these checks and their messages. */
import type { Program, ProgramInput, ProgramOutput } from "../../compiler/tensor/ir.js";
import { EngineError, type Handle, type HostTensor } from "./engine.js";

type Arguments = Readonly<Record<string, Handle | HostTensor>>;

/** The arguments of a run: handles `H` of the engine, or host tensors for this run only. */
export interface RunArguments<H extends Handle> {
  readonly inputs: readonly (readonly [ProgramInput, H | HostTensor])[];
  /** The handles of the state inputs, by input name. The run consumes them. */
  readonly states: ReadonlyMap<string, H>;
}

/**
 * Matches the arguments with the inputs of the program. `live` checks that a handle belongs to the engine, or throws.
 * @throws EngineError if an argument is missing, has the wrong type or shape, or belongs to no input, and if a state is not
 * given as a handle or two states share one.
 */
export function readArguments<H extends Handle>(
  program: string,
  inputs: readonly ProgramInput[],
  args: Arguments,
  live: (handle: Handle, where: string) => H,
): RunArguments<H> {
  const states = new Map<string, H>();
  const given = inputs.map((input): readonly [ProgramInput, H | HostTensor] => {
    const { name, role } = input;
    const where = `run of ${program}, input "${name}"`;
    const arg = argumentOf(input, args, where);
    if ("data" in arg) {
      if (role === "state") throw new EngineError("internal", `${where}: a state must be given as a handle`);
      return [input, arg];
    }
    const handle = live(arg, where);
    if (role !== "state") return [input, handle];
    for (const [other, taken] of states)
      if (taken === handle) throw new EngineError("internal", `${where}: it shares its handle with "${other}"`);
    states.set(name, handle);
    return [input, handle];
  });
  const unknown = Object.keys(args).find((name) => !inputs.some((input) => input.name === name));
  if (unknown !== undefined) throw new EngineError("internal", `run of ${program}: no input "${unknown}"`);
  return { inputs: given, states };
}

/** Returns the argument of an input. @throws EngineError if it is missing or has another type or shape. */
function argumentOf({ name, node }: ProgramInput, args: Arguments, where: string): Handle | HostTensor {
  const arg = args[name];
  if (arg === undefined) throw new EngineError("internal", `${where}: the argument is missing`);
  if (arg.dtype !== node.dtype || arg.shape.join() !== node.shape.join()) {
    const [wanted, got] = [node, arg].map(({ dtype, shape }) => `${dtype}[${shape.join(", ")}]`);
    throw new EngineError("internal", `${where}: takes ${wanted}, got ${got}`);
  }
  return arg;
}

/** A state: the input that a run reads and the output that becomes the next input. */
export interface StatePair {
  readonly input: ProgramInput;
  readonly output: ProgramOutput;
}

/** Pairs each state input with the output that replaces it. @throws EngineError if that output does not exist. */
export function statePairs(program: Program, inputs: readonly ProgramInput[]): StatePair[] {
  return inputs.flatMap((input) => {
    if (input.role !== "state") return [];
    const output = program.outputs.find(({ name, role }) => name === input.next && role === "state");
    if (output === undefined)
      throw new EngineError(
        "internal",
        `${program.name}: state "${input.name}" has no output "${input.next}" to replace it`,
      );
    return [{ input, output }];
  });
}

/** Returns the handle with the class of its engine. @throws EngineError if another engine made it, or it was freed or consumed. */
export function liveHandle<H extends Handle & { readonly owner: object; readonly alive: boolean }>(
  handle: Handle,
  kind: abstract new (...args: never[]) => H,
  owner: object,
  use: string,
): H {
  if (!(handle instanceof kind) || handle.owner !== owner)
    throw new EngineError("internal", `${use}: the handle belongs to another engine`);
  if (!handle.alive) throw new EngineError("internal", `${use}: the handle was freed or consumed`);
  return handle;
}
