/**
 * The typed tree: what the checker hands on. Imports are inlined, parameters and defaults filled in, every `fn`
 * expanded at its use, every static `if` decided, every size a number. It is plain, JSON-safe
 * data, so a worker can receive it and its canonical form can be hashed (`stages/key.ts`).
 *
 * Axes stay named here; the order of axes in memory is the lowering's business.
 */

export type * from "./data.js";
export type * from "./experiment.js";
export type * from "./metric.js";
export type * from "./network.js";
export type * from "./stage.js";
export type * from "./values.js";
