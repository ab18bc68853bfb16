/** The variants that a file asks for with its `sweep` lines. */

/** The name of the axis of seeds. */
export const seedAxis = "seed";

/** The values of one `sweep` line, as they are written. */
export interface SweepAxis {
  readonly name: string;
  readonly values: readonly string[];
}

/** The variants of a file. Parameters that an option gives are left out, because the option comes first. */
export interface FileSweep {
  readonly axes: readonly SweepAxis[];
  /** Undefined without a line `sweep seed = …`. */
  readonly seeds: readonly number[] | undefined;
}

export const noSweep: FileSweep = { axes: [], seeds: undefined };
