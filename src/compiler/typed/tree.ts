/**
 * The typed tree, which the checker produces. Imports are inlined, parameters and defaults are filled in, every `fn` is
 * expanded at its use, every static `if` is decided, and every size is a number. It is plain, JSON-safe data, so a worker
 * can receive it and its canonical form can be hashed (`stages/key.ts`).
 *
 * Axes have names here. The lowering decides their order in memory.
 */

export type * from "./data.js";
export type * from "./experiment.js";
export type * from "./metric.js";
export type * from "./network.js";
export type * from "./stage.js";
export type * from "./values.js";
