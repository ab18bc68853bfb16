/** The numbers of oneDNN's C interface (version 3) that fslc uses. */

export const status = {
  0: "success",
  1: "out of memory",
  2: "invalid arguments",
  3: "not implemented",
  4: "no further implementation",
  5: "a failure at run time",
  6: "not required",
} as const;
export const outOfMemory = 1;
export const unimplemented = 3;

export const engineKindCpu = 1;
export const inOrder = 1;
export const tagAny = 1;
/** The layouts of images whose channels are split into blocks of this many. */
export const blockedTags: ReadonlyMap<number, number> = new Map([
  [8, 102],
  [16, 78],
]);
export const dataType = { bf16: 2, f32: 3, i32: 4, u8: 6 } as const;

export const propagation = { training: 64, inference: 96, backward: 128, backwardData: 160 } as const;
export const algorithm = {
  convolutionDirect: 0x1,
  relu: 0x20,
  add: 0x1fff0,
  mul: 0x1fff1,
  sub: 0x1fff5,
  poolMax: 0x1ff,
  poolAverageWithPadding: 0x2ff,
} as const;
/** The flags of a batch norm. */
export const normFlag = { globalStatistics: 1, scale: 2, shift: 4, relu: 8 } as const;

/** The numbers by which a primitive's arguments are named. */
export const argument = {
  source: 1,
  source1: 2,
  result: 17,
  weights: 33,
  bias: 41,
  mean: 49,
  variance: 50,
  scale: 51,
  shift: 52,
  workspace: 64,
  sourceGradient: 129,
  resultGradient: 145,
  weightsGradient: 161,
  scaleGradient: 255,
  shiftGradient: 256,
} as const;

/** The parts of the description of a primitive or of a memory that may be queried. */
export const query = {
  implementation: 8,
  strides: 14,
  source: 129,
  sourceGradient: 130,
  weights: 131,
  weightsGradient: 132,
  result: 133,
  resultGradient: 134,
  workspace: 135,
  rank: 256,
  dims: 257,
  type: 258,
  paddedDims: 260,
  blockCount: 263,
  blocks: 264,
  blockAxes: 265,
} as const;
