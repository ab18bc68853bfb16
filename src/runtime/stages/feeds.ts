/** Host arrays that feed a program, made once and filled before each run. */

import type { Program, ProgramInput } from "../../compiler/tensor/ir.js";
import { elementCount } from "../../compiler/tensor/shape.js";
import type { HostTensor, TypedData } from "../engines/engine.js";
import { allocate } from "../engines/tensors.js";

export type Feeds = Readonly<Record<string, HostTensor>>;

/** One array for each input of role `feed`. */
export function allocateFeeds(program: Program): Feeds {
  return Object.fromEntries(
    program.inputs
      .filter(({ role }) => role === "feed")
      .map(({ name, node: { shape, dtype } }): [string, HostTensor] => [
        name,
        { shape, dtype, data: allocate(dtype, elementCount(shape)) },
      ]),
  );
}

/** The array of a feed, with the type that the caller counts on. */
export function feedData<T extends TypedData>(feeds: Feeds, name: string, type: new (n: number) => T): T {
  const data = feeds[name]?.data;
  if (!(data instanceof type)) throw new Error(`the program has no ${type.name} feed called ${name}`);
  return data;
}

export function inputNames(program: Program, role: ProgramInput["role"]): string[] {
  return program.inputs.filter((input) => input.role === role).map((input) => input.name);
}

/** The entries of `all` that are named; a missing one is a bug of the lowering. */
export function pick<T>(all: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(
    names.map((name) => {
      const value = all[name];
      if (value === undefined) throw new Error(`nothing is called ${name}`);
      return [name, value];
    }),
  );
}

/** A scalar that a run gave back. */
export function scalar(host: Readonly<Record<string, HostTensor>>, name: string): number {
  const value = host[name]?.data[0];
  if (value === undefined) throw new Error(`the program gave no ${name}`);
  return Number(value);
}
