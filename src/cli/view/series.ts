/** Keeps a growing curve at a bounded size and draws it with block characters. */

const capacity = 512;
const blocks = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** The means of equally long groups of samples. If the series is full, neighbors are merged and the stride doubles. */
export interface Series {
  readonly values: readonly number[];
  /** The number of samples in a full value. */
  readonly stride: number;
  /** The number of samples in the last value, or 0 if the last value is full. */
  readonly open: number;
}
export const emptySeries: Series = { values: [], stride: 1, open: 0 };

/** Returns the series with one more sample. A sample that is not finite is left out. */
export function append(series: Series, value: number): Series {
  if (!Number.isFinite(value)) return series;
  let { values, stride, open } = series;
  if (open === 0 && values.length >= capacity) {
    values = Array.from({ length: capacity / 2 }, (_, i) => ((values[2 * i] ?? 0) + (values[2 * i + 1] ?? 0)) / 2);
    stride *= 2;
  }
  const last = values[values.length - 1];
  if (open === 0 || last === undefined) {
    return { values: [...values, value], stride, open: stride === 1 ? 0 : 1 };
  }
  const merged = last + (value - last) / (open + 1);
  const next = open + 1;
  return { values: [...values.slice(0, -1), merged], stride, open: next === stride ? 0 : next };
}

/** Returns at most `width` samples of a curve: means if there are more values than columns, and otherwise the values. */
function resample(values: readonly number[], width: number): number[] {
  if (values.length <= width) return [...values];
  return Array.from({ length: width }, (_, column) => {
    const start = Math.floor((column * values.length) / width);
    const end = Math.max(start + 1, Math.floor(((column + 1) * values.length) / width));
    let sum = 0;
    for (let i = start; i < end; i++) sum += values[i] ?? 0;
    return sum / (end - start);
  });
}

/** Returns a series whose values are drawn up to `most` columns wide, as far as they fit into `width`. */
export function widened(series: Series, width: number, most: number): Series {
  const times = Math.max(1, Math.min(most, Math.floor(width / Math.max(1, series.values.length))));
  return { ...series, values: series.values.flatMap((value) => Array<number>(times).fill(value)) };
}

/** A curve as text, with the values at its bottom and at its top. */
export interface Chart {
  readonly rows: readonly string[];
  readonly low: number | undefined;
  readonly high: number | undefined;
}

/**
 * Draws a series as bars in rows from top to bottom, at most `width` wide. A flat curve is drawn along the bottom. A few
 * values far above the rest, such as the loss of the first steps, are cut at the top. Otherwise they would flatten the rest.
 */
export function chart(series: Series, width: number, height: number): Chart {
  const samples = resample(series.values, width);
  if (samples.length === 0) return { rows: Array<string>(height).fill(""), low: undefined, high: undefined };
  const low = Math.min(...samples);
  const usual = [...samples].sort((a, b) => a - b)[Math.floor(0.9 * (samples.length - 1))] ?? low;
  const range = Math.min(Math.max(...samples) - low, usual > low ? 2 * (usual - low) : Number.POSITIVE_INFINITY);
  const steps = height * blocks.length;
  const levels = samples.map((v) => (range === 0 ? 0 : Math.min(steps - 1, Math.floor(((v - low) / range) * steps))));
  const rows = Array.from({ length: height }, (_, row) => {
    const floor = (height - 1 - row) * blocks.length;
    return levels
      .map((level) => {
        if (level < floor) return " ";
        return blocks[Math.min(blocks.length - 1, level - floor)];
      })
      .join("");
  });
  return { rows, low, high: low + range };
}
