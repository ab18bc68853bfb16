/**
 * Stands for a value that is wrong and that a diagnostic has been reported for. Lines of a stage that may be left out need
 * it beside `undefined`: `ema 0.999` gives a number, no such line gives undefined, and `ema 2` gives `reported`.
 */
export const reported: unique symbol = Symbol("reported");
export type Reported = typeof reported;
