/** Affine functions of loop variables. Places in memory are such functions, so that a loop body needs no division. */

/** Σ by[i]·(variable of loop i) + at */
export interface Affine {
  readonly by: readonly number[];
  readonly at: number;
}

export const constant = (at: number): Affine => ({ by: [], at });

/** Returns the variable of a loop, times `factor`. */
export const variable = (loop: number, factor = 1): Affine => ({
  by: [...Array.from({ length: loop }, () => 0), factor],
  at: 0,
});

export function add(a: Affine, b: Affine): Affine {
  const length = Math.max(a.by.length, b.by.length);
  return { by: Array.from({ length }, (_, i) => (a.by[i] ?? 0) + (b.by[i] ?? 0)), at: a.at + b.at };
}

export const scale = (a: Affine, factor: number): Affine => ({
  by: a.by.map((each) => each * factor),
  at: a.at * factor,
});

export const total = (forms: readonly Affine[]): Affine => forms.reduce(add, constant(0));

/**
 * Returns quotient and remainder of a division, which are affine if every value of the remainder's part stays within the divisor.
 * Returns undefined otherwise.
 */
export function divide(
  a: Affine,
  divisor: number,
  sizes: readonly number[],
): { quotient: Affine; remainder: Affine } | undefined {
  if (divisor === 1) return { quotient: a, remainder: constant(0) };
  const whole = a.by.map((by) => (by % divisor === 0 ? by / divisor : 0));
  const rest = a.by.map((by) => (by % divisor === 0 ? 0 : by));
  const low = rest.reduce((sum, by, i) => sum + Math.min(0, by * ((sizes[i] ?? 1) - 1)), 0);
  const high = rest.reduce((sum, by, i) => sum + Math.max(0, by * ((sizes[i] ?? 1) - 1)), 0);
  const turns = Math.floor((a.at + low) / divisor);
  const at = a.at - turns * divisor;
  if (at + low < 0 || at + high >= divisor) return undefined;
  return { quotient: { by: whole, at: turns }, remainder: { by: rest, at } };
}

/** Returns the form as JavaScript. Variables of loops are named i0, i1, …; `only` picks loops, and `at` is left out unless `constant`. */
export function text({ by, at }: Affine, only: (loop: number) => boolean = () => true, withConstant = true): string {
  const terms = by.flatMap((factor, loop) =>
    factor === 0 || !only(loop) ? [] : [factor === 1 ? `i${loop}` : `i${loop}*${factor}`],
  );
  if (withConstant && (at !== 0 || terms.length === 0)) terms.push(String(at));
  return terms.length === 0 ? "0" : terms.join("+").replaceAll("+-", "-");
}
