/** What every engine takes to a run, and refuses to run with, in the same words. */
import type { Program, ProgramInput, ProgramOutput } from "../../compiler/tensor/ir.js";
import { EngineError, type Handle, type HostTensor } from "./engine.js";

type Arguments = Readonly<Record<string, Handle | HostTensor>>;

/** The arguments of a run: an engine's own handles `H`, or tensors given for this run alone. */
export interface Given<H extends Handle> {
  readonly inputs: readonly (readonly [ProgramInput, H | HostTensor])[];
  /** The handles that the run consumes, by the input that they are the state of. */
  readonly states: ReadonlyMap<string, H>;
}

/**
 * The arguments of `inputs`; `live` makes a handle one of the engine's own, or throws.
 * @throws EngineError where one is missing, does not fit, or is of no input; where a state is not given by a handle of its own.
 */
export function readArguments<H extends Handle>(
  program: string,
  inputs: readonly ProgramInput[],
  args: Arguments,
  live: (handle: Handle, where: string) => H,
): Given<H> {
  const states = new Map<string, H>();
  const given = inputs.map((input): readonly [ProgramInput, H | HostTensor] => {
    const { name, role } = input;
    const where = `run of ${program}, input "${name}"`;
    const arg = argumentOf(input, args, where);
    if ("data" in arg) {
      if (role === "state") throw new EngineError("internal", `${where}: a state is given by its handle`);
      return [input, arg];
    }
    const handle = live(arg, where);
    if (role !== "state") return [input, handle];
    for (const [other, taken] of states)
      if (taken === handle) throw new EngineError("internal", `${where}: shares its handle with "${other}"`);
    states.set(name, handle);
    return [input, handle];
  });
  const unknown = Object.keys(args).find((name) => !inputs.some((input) => input.name === name));
  if (unknown !== undefined) throw new EngineError("internal", `run of ${program}: no input "${unknown}"`);
  return { inputs: given, states };
}

/** The argument of an input. @throws EngineError where there is none, or it is of another type or shape. */
function argumentOf({ name, node }: ProgramInput, args: Arguments, where: string): Handle | HostTensor {
  const arg = args[name];
  if (arg === undefined) throw new EngineError("internal", `${where}: missing`);
  if (arg.dtype !== node.dtype || arg.shape.join() !== node.shape.join()) {
    const [wanted, got] = [node, arg].map(({ dtype, shape }) => `${dtype}[${shape.join(", ")}]`);
    throw new EngineError("internal", `${where}: takes ${wanted}, got ${got}`);
  }
  return arg;
}

export interface StatePair {
  readonly input: ProgramInput;
  readonly output: ProgramOutput;
}

/** The states among a program's inputs, each with its successor. @throws EngineError where one has none. */
export function statePairs(program: Program, inputs: readonly ProgramInput[]): StatePair[] {
  return inputs.flatMap((input) => {
    if (input.role !== "state") return [];
    const output = program.outputs.find(({ name, role }) => name === input.next && role === "state");
    if (output === undefined)
      throw new EngineError("internal", `${program.name}: state "${input.name}" has no successor "${input.next}"`);
    return [{ input, output }];
  });
}

/** The handle as one of an engine's own, made by `kind` and not yet given back. @throws EngineError where it is another. */
export function liveHandle<H extends Handle & { readonly owner: object; readonly alive: boolean }>(
  handle: Handle,
  kind: abstract new (...args: never[]) => H,
  owner: object,
  use: string,
): H {
  if (!(handle instanceof kind) || handle.owner !== owner)
    throw new EngineError("internal", `${use}: the handle is of another engine`);
  if (!handle.alive) throw new EngineError("internal", `${use}: the handle was freed or consumed`);
  return handle;
}
