/** Places numbers along an axis and chooses round numbers for its ticks. */

export interface Scale {
  /** Returns the place of a value, in the units of the drawing. */
  at(value: number): number;
  readonly ticks: readonly number[];
}

export interface ScaleOptions {
  /** The ends of the axis in the units of the drawing. */
  readonly from: number;
  readonly to: number;
  /** About how many ticks there is room for. */
  readonly ticks: number;
}

/** Returns a linear scale that holds all values. Its ends are the values at the ends, widened to the next tick with `round`. */
export function linearScale(values: readonly number[], options: ScaleOptions & { readonly round?: boolean }): Scale {
  const { from, to, ticks: wanted, round = true } = options;
  const finite = values.filter(Number.isFinite);
  let low = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  let high = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (low > high) [low, high] = [0, 1];
  if (low === high) {
    const margin = Math.abs(low) / 10 || 1;
    [low, high] = [low - margin, high + margin];
  }
  const step = roundStep((high - low) / Math.max(1, wanted));
  if (round) [low, high] = [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  return { at: (value) => from + ((value - low) / (high - low)) * (to - from), ticks };
}

/** Returns the smallest of 1, 2, 5, 10, 20, … times a power of ten that is not below a number. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5].find((times) => times * power >= least * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** Formats the number at a tick: `0.25`, `4k`, `1e-4`. */
export function tickText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 1e-3) return value.toExponential().replace("e+", "e");
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(4))}k`;
  return `${Number(value.toPrecision(6))}`;
}
