/** The phases that `--emit` takes, apart from the code that prints them: `fslc check --help` lists them and loads no lowering. */
export const emitPhases = ["cst", "ast", "typed", "stages", "tensor", "onnx"] as const;
export type EmitPhase = (typeof emitPhases)[number];
