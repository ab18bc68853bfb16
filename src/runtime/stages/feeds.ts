/** Allocates the host arrays that feed a program. They are allocated once and filled before each run. */

import type { Program, ProgramInput } from "../../compiler/tensor/ir.js";
import { elementCount } from "../../compiler/tensor/shape.js";
import type { HostTensor, TypedData } from "../engines/engine.js";
import { allocate } from "../engines/tensors.js";

export type Feeds = Readonly<Record<string, HostTensor>>;

/** Allocates one array for each input of role `feed`. */
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

/** Returns the array of a feed, checked to be of the given type. */
export function feedData<T extends TypedData>(feeds: Feeds, name: string, type: new (n: number) => T): T {
  const data = feeds[name]?.data;
  if (!(data instanceof type)) throw new Error(`the program has no ${type.name} feed called ${name}`);
  return data;
}

/** Returns the memory of a feed of images, to be filled with the bytes of a loader. Images are bytes, and vectors f32. */
export function imageBytes(feeds: Feeds, name: string): Uint8Array {
  const data = feeds[name]?.data;
  if (data === undefined) throw new Error(`the program has no feed called ${name}`);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

export function inputNames(program: Program, role: ProgramInput["role"]): string[] {
  return program.inputs.filter((input) => input.role === role).map((input) => input.name);
}

/** Returns the named entries of `all`. A missing one is a bug of the lowering. */
export function pick<T>(all: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(
    names.map((name) => {
      const value = all[name];
      if (value === undefined) throw new Error(`nothing is called ${name}`);
      return [name, value];
    }),
  );
}

/** Returns a scalar output of a run. */
export function scalar(host: Readonly<Record<string, HostTensor>>, name: string): number {
  const value = host[name]?.data[0];
  if (value === undefined) throw new Error(`the program gave no ${name}`);
  return Number(value);
}
